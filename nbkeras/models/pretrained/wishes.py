"""What is to be built, from what a user gives: checked, with its defaults, and said in words."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.models.pretrained.hub import Preset
from nbkeras.models.pretrained.known import find_model
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.models.pretrained.known import KnownModel

IMAGENET = "imagenet"
_COLOURS = 3
_AXES = 3
_LEAST_CLASSES = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """A model of ``keras.applications``, or one built on it.

    Attributes:
        known: the model to build on.
        classes: of the new head; None for the whole model with its head for ImageNet.
        weights: ``"imagenet"``, None for random ones, or the path of a file.
        input_shape: height, width and 3.
        dropout: share of the features that a new head does without in a step of training.
    """

    known: KnownModel
    classes: int | None
    weights: str | None
    input_shape: tuple[int, int, int]
    dropout: float

    @property
    def frozen(self) -> bool:
        """Whether the base stays as it is: one with random weights has to learn."""
        return self.weights is not None and self.classes is not None


@dataclass(frozen=True, slots=True)
class PresetWish:
    """A model of KerasHub.

    Attributes:
        preset: of KerasHub.
        classes: of a new head; None for the one that the preset has.
        weights: ``"imagenet"`` for those of the preset, None for random ones.
        dropout: as in `Wish`.
    """

    preset: Preset
    classes: int | None
    weights: str | None
    dropout: float

    @property
    def frozen(self) -> bool:
        """As in `Wish`."""
        return self.weights is not None and self.classes is not None


def wished(
    name: str,
    *,
    classes: Any = None,
    weights: Any = IMAGENET,
    input_shape: Any = None,
    dropout: Any = 0.2,
) -> Wish | PresetWish:
    """Return what is to be built, before anything is.

    Raises:
        Refusal: for a model that is not known, and values that can't be.
    """
    if classes is not None:
        classes = _classes(classes)
    share = _dropout(dropout)
    if weights is not None and not isinstance(weights, (str, Path)):
        raise Refusal(
            f"weights: expected 'imagenet', None or the path of a file, received {weights!r}: type  "
            "weights='base.weights.h5'"
        )
    known = find_model(name, active_line())
    if isinstance(known, Preset):
        if input_shape is not None or weights not in {None, IMAGENET}:
            raise Refusal(
                f"pretrained: expected the preset {known.name} as KerasHub has it, received "
                f"{'an input_shape' if input_shape is not None else 'a file of weights'}: leave it out"
            )
        return PresetWish(known, classes, weights, share)
    source = None if weights is None else str(weights)
    return Wish(known, classes, source, _shape(input_shape, known), share)


def notes_of(wish: Wish | PresetWish, model: Any, base: Any) -> list[str]:
    """Return in lines what was built: what images go in, what learns, and what to know of it."""
    if isinstance(wish, PresetWish):
        notes = [f"{wish.preset.name} of KerasHub: images with colours from 0 to 255, KerasHub scales them"]
    else:
        known = wish.known
        scaling = (
            "the model scales them itself"
            if known.scaling is None
            else f"scaled in the model: {known.scaling}"
        )
        shape = " x ".join(map(str, wish.input_shape))
        notes = [f"{known.name}: images of {shape} with colours from 0 to 255; {scaling}"]
    learn = sum(_count(weight) for weight in model.trainable_weights)
    if wish.frozen:
        notes.append(
            f"the base is frozen, and in inference mode, batch normalization too: "
            f"{sum(map(_count, base.weights)):,} weights; {learn:,} of the head learn"
        )
        noisy = sum(type(each).__name__.endswith("Dropout") for each in base.layers)
        if noisy and line_of(base) == "keras":
            notes.append(
                f"{noisy} dropout {'layer' if noisy == 1 else 'layers'} of the base stay on while the head "
                "learns: Keras 3 does not keep to training=False in fit"
            )
    elif wish.weights is None:
        notes.append(f"weights=None: all are random, and all learn: {learn:,}")
    return notes


def _count(weight: Any) -> int:
    count = 1
    for size in weight.shape:
        count *= int(size)
    return count


def _classes(classes: Any) -> int:
    try:
        count = operator.index(classes)
    except TypeError:
        count = -1
    if count < _LEAST_CLASSES or isinstance(classes, bool):
        raise Refusal(f"classes: expected a whole number, 2 or more, received {classes!r}: type  classes=2")
    return count


def _dropout(dropout: Any) -> float:
    is_number = isinstance(dropout, (int, float)) and not isinstance(dropout, bool)
    if not is_number or not 0 <= dropout < 1:
        raise Refusal(f"dropout: expected a share from 0 to below 1, received {dropout!r}: type  dropout=0.2")
    return float(dropout)


def _shape(shape: Any, known: KnownModel) -> tuple[int, int, int]:
    if shape is None:
        if known.size is None:
            raise Refusal(
                f"input_shape: expected the shape of images for {known.name}, which nbkeras does not know, "
                "received none: type  input_shape=(224, 224, 3)"
            )
        return (known.size, known.size, _COLOURS)
    try:
        sizes = tuple(map(operator.index, shape))
    except TypeError:
        sizes = ()
    if len(sizes) != _AXES or min(sizes) < 1:
        raise Refusal(
            f"input_shape: expected height, width and 3, received {shape!r}: type  input_shape=(160, 160, 3)"
        )
    height, width, colours = sizes
    if colours != _COLOURS:
        raise Refusal(
            f"input_shape: expected 3 colours, received {colours}: for images without colours type  "
            f"input_shape=({height}, {width}, 3)  and give  np.repeat(images, 3, axis=-1)"
        )
    return height, width, colours
