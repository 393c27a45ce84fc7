"""What each model's ``preprocess_input`` does to colours, found by asking it, as layers that do the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runtime.keras_lines import Line

_COLOURS = 3
_HIGHEST = 255.0


@dataclass(frozen=True, slots=True)
class Scaling:
    """What becomes of the colours of an image: ``scale * colour + offset``, in turned order or not.

    Attributes:
        scale: a factor for each colour, or one for all.
        offset: what is added, likewise.
        turned: whether red, green, blue become blue, green, red first.
    """

    scale: float | list[float]
    offset: float | list[float]
    turned: bool

    def __str__(self) -> str:
        if self.turned:
            return "blue, green, red, about 0"
        if isinstance(self.scale, float) and isinstance(self.offset, float):
            return f"{self.offset:g} to {self.scale * _HIGHEST + self.offset:g}"
        return "mean 0, deviation 1"


def scaling_of(preprocess: Callable[[Any], Any]) -> Scaling | None:
    """Return what a ``preprocess_input`` does, None where the model does it itself.

    Args:
        preprocess: of a module of ``keras.applications``: a scale and an offset for each colour.
    """
    import numpy as np

    # Images of one black pixel, and of one with one colour; they are written into.
    images = np.concatenate([np.zeros((1, _COLOURS)), np.eye(_COLOURS) * _HIGHEST])[:, None, None, :]
    black, *ones = np.asarray(preprocess(images.copy()))[:, 0, 0, :]
    if np.array_equal(black, images[0, 0, 0]) and np.array_equal(ones, images[1:, 0, 0]):
        return None
    changed = np.array([one - black for one in ones])
    turned = bool(changed[0, -1])
    scale = np.diag(changed[:, ::-1] if turned else changed)[:: -1 if turned else 1] / _HIGHEST
    return Scaling(_one_or_all(scale), _one_or_all(black), turned)


def scaled(line: Line, scaling: Scaling | None, images: Any) -> Any:
    """Return symbolic images as the model wants them, by layers that any Keras loads.

    Args:
        line: the Keras line.
        scaling: None leaves them as they are.
        images: a symbolic tensor of colours from 0 to 255.
    """
    from nbkeras.runtime.keras_lines import keras_module

    if scaling is None:
        return images
    keras = keras_module(line)
    if scaling.turned:
        if line == "keras":
            images = keras.ops.flip(images, axis=-1)
        else:
            import tensorflow as tf

            # Its `preprocess_input` writes `x[..., ::-1]`, which tf_keras 2.21 can't save in a .keras file.
            images = tf.reverse(images, axis=[-1])
    # In float32, as preprocess_input counts, under mixed precision too.
    layer = keras.layers.Rescaling(scaling.scale, scaling.offset, dtype="float32", name="preprocess_input")
    return layer(images)


def _one_or_all(values: Any) -> float | list[float]:
    rounded = [float(f"{value:.12g}") for value in values]
    return rounded[0] if len(set(rounded)) == 1 else rounded
