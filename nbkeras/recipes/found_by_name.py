"""Functions and classes of one's own in a model: to copy or load it, Keras has to find them by name."""

from __future__ import annotations

import sys
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES, is_compiled, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.recipes.notebook import Notebook

_PARTS = ("activation", "recurrent_activation", "function", "cell", "forward_layer", "layer")
_KINDS = ("initializer", "regularizer", "constraint")
_COMPILED = ("optimizer", "loss", "metrics", "weighted_metrics")


def functions(values: Mapping[str, Any], notebook: Notebook | None) -> dict[str, dict[str, str]]:
    """Return what a template with ``functions`` is given: Keras's name of each -> the notebook's variable.

    Example:
        >>> functions({"model": ""}, None)
        {'functions': {}}
    """
    model = None if notebook is None else notebook.value(values["model"])
    found = {}
    for each in _own(model):
        variable = _variable(each, notebook)
        if variable:
            found[_name(each)] = variable
    return {"functions": found}


def nameless(model: Any, notebook: Notebook, *, whole: bool) -> str:
    """Return the first function that Keras could not find by a name, ``""`` if there is none.

    Args:
        model: any model.
        notebook: whose variables are to hold the functions.
        whole: whether the layers count, too; else only what the model was compiled with.
    """
    seen: dict[str, Any] = {}
    for each in _own(model) if whole else _compiled(model):
        name = _name(each)
        if name == "<lambda>":
            return "a lambda"
        if not _variable(each, notebook):
            return f"{name}, which no variable holds"
        if seen.setdefault(name, each) is not each:
            return f"two that are called {name}"
    return ""


def of_ones_own(model: Any) -> list[str]:
    """Return the names of all functions and classes of one's own in a model."""
    return [_name(each) for each in _own(model)]


def _own(model: Any) -> Iterator[Any]:
    yield from _compiled(model)
    yield from _built(model)


def _compiled(model: Any) -> Iterator[Any]:
    if line_of(model) is None or not is_compiled(model):
        return
    held = getattr(model, "_compile_config", None)
    arguments = getattr(held, "config", None) or {}
    for name in _COMPILED:
        for each in _leaves(arguments.get(name)):
            yield from _named(each)
            # Keras's own objects that hold a function, and a rate that is a schedule.
            for inner in ("fn", "_fn", "_learning_rate"):
                yield from _named(getattr(each, inner, None))


def _built(model: Any) -> Iterator[Any]:
    if line_of(model) is None:
        return
    yield from _named(model)
    for layer in getattr(model, "layers", ()):
        yield from _built(layer)
        for name in (*_PARTS, *(each for each in vars(layer) if each.endswith(_KINDS))):
            yield from _named(getattr(layer, name, None))


def _named(value: Any) -> Iterator[Any]:
    """Yield a function, or an object's class, if it is not one that Keras knows."""
    if not isinstance(value, (FunctionType, type)):
        # Whatever is no part of Keras, such as a number, needs no name.
        value = type(value) if line_of(value) else None
    if value is None or value.__module__.partition(".")[0] in (*LINES, "tensorflow", "builtins"):
        return
    if not _registered(value):
        yield value


def _registered(value: Any) -> bool:
    for line in LINES:
        saving = getattr(sys.modules.get(line), "saving", None)
        if saving is not None and saving.get_registered_name(value) != _name(value):
            return True
    return False


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for each in value for leaf in _leaves(each)]
    return [] if value is None or isinstance(value, str) else [value]


def _name(value: Any) -> str:
    return str(value.__name__)


def _variable(value: Any, notebook: Notebook | None) -> str:
    names = [] if notebook is None else notebook.holding(value)
    return _name(value) if _name(value) in names else next(iter(names), "")
