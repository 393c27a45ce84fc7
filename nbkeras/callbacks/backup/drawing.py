"""Finds what of a model draws random numbers from operations of TensorFlow whose state nobody can read.

``tf.random.normal`` in the ``call`` of a layer of one's own keeps its place in the numbers inside of the
operation. What is called is looked up in the code of the model's own classes, without running any of it.
"""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.named_values import methods_of, reached

if TYPE_CHECKING:
    from collections.abc import Iterator

# Functions of TensorFlow 2 with a state of their own; the stateless_… ones have none.
_OF_RANDOM = ("normal", "uniform", "truncated_normal", "shuffle", "categorical", "gamma", "poisson")
_OF_IMAGE = (
    *("random_brightness", "random_contrast", "random_crop", "random_flip_left_right", "random_flip_up_down"),
    *("random_hue", "random_jpeg_quality", "random_saturation"),
)
_NAMES = [
    *(f"random.{name}" for name in _OF_RANDOM),
    *(f"image.{name}" for name in _OF_IMAGE),
    *(f"nn.{name}" for name in ("dropout", "experimental.general_dropout")),
]
# What is drawn here is drawn once, and kept with the weights.
_ONCE = {"__init__", "build"}


def stateful_draws(model: Any) -> Iterator[tuple[str, str]]:
    """Give each class of the user's that draws so, with what it calls: ``("Noise", "tf.random.normal")``."""
    known = _known()
    seen = set()
    for layer in model._flatten_layers():  # noqa: SLF001 - no public name finds nested layers
        for function in _functions_of(layer):
            for named in reached(function):
                if id(named.value) not in known:
                    continue
                found = (type(layer).__name__, known[id(named.value)])
                if found not in seen:
                    seen.add(found)
                    yield found


def _known() -> dict[int, str]:
    tensorflow = sys.modules.get("tensorflow")
    found = {}
    for name in _NAMES:
        held: Any = tensorflow
        for part in name.split("."):
            held = getattr(held, part, None)
        if held is not None:
            found[id(held)] = f"tf.{name}"
    return found


def _functions_of(layer: Any) -> Iterator[FunctionType]:
    yield from methods_of(layer, but=_ONCE)
    if type(layer).__name__ == "Lambda" and isinstance(getattr(layer, "function", None), FunctionType):
        yield layer.function
