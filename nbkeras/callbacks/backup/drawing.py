"""Finds what of a model draws random numbers from operations of TensorFlow whose state nobody can read.

``tf.random.normal`` in the ``call`` of a layer of one's own keeps its place in the numbers inside of the
operation. What is called is looked up in the code of the model's own classes, without running any of it.
"""

from __future__ import annotations

import dis
import sys
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES

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
_LIBRARIES = {*LINES, "tensorflow", "numpy", "builtins", "nbkeras"}
# What is drawn here is drawn once, and kept with the weights.
_ONCE = {"__init__", "build"}
# How far functions of the user's are followed from a layer's methods.
_DEPTH = 3


def stateful_draws(model: Any) -> Iterator[tuple[str, str]]:
    """Give each class of the user's that draws so, with what it calls: ``("Noise", "tf.random.normal")``."""
    known = _known()
    seen = set()
    for layer in model._flatten_layers():  # noqa: SLF001 - no public name finds nested layers
        for function in _functions_of(layer):
            for name in _called(function, known, _DEPTH):
                found = (type(layer).__name__, name)
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
    for cls in type(layer).__mro__:
        if _is_own(cls.__module__):
            own = (each for name, each in vars(cls).items() if name not in _ONCE)
            yield from (each for each in own if isinstance(each, FunctionType))
    if type(layer).__name__ == "Lambda" and isinstance(getattr(layer, "function", None), FunctionType):
        yield layer.function


def _called(function: FunctionType, known: dict[int, str], depth: int) -> Iterator[str]:
    """Give what of the known functions a function names, itself or in functions that it names."""
    for value in _named(function, function.__code__):
        if id(value) in known:
            yield known[id(value)]
        elif isinstance(value, FunctionType) and depth and _is_own(value.__module__):
            yield from _called(value, known, depth - 1)


def _is_own(module: object) -> bool:
    """Tell whether a module is the user's."""
    return str(module).partition(".")[0] not in _LIBRARIES


def _named(function: FunctionType, code: CodeType) -> Iterator[Any]:
    """Give the values that code names, as far as modules' names lead: ``tf.random.normal``."""
    closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    loads: dict[str, dict[Any, Any]] = {
        "LOAD_GLOBAL": function.__globals__,
        "LOAD_DEREF": {name: _content(cell) for name, cell in closure},
        "LOAD_FAST": {},
    }
    value: Any = None
    for each in dis.get_instructions(code):
        # Python 3.13 has LOAD_FAST_CHECK and others like it.
        kind = "LOAD_FAST" if each.opname.startswith("LOAD_FAST") else each.opname
        if kind in loads:
            value = loads[kind].get(each.argval)
        elif kind in {"LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM"}:
            value = getattr(value, each.argval, None) if isinstance(value, ModuleType) else None
        elif kind == "IMPORT_NAME":
            value = sys.modules.get(each.argval.partition(".")[0])
        elif kind == "STORE_FAST":
            loads["LOAD_FAST"][each.argval] = value
        if value is not None:
            yield value
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _named(function, constant)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
