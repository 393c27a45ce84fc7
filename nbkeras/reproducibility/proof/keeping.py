"""Leaves a notebook as it is after one run of a cell, however often a proof has run it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.reproducibility.generators import undo_of
from nbkeras.runtime.keras_lines import is_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LARGEST = 2**28


class Kept:
    """The variables of a notebook as they are at one moment, and what they hold.

    Bindings come back, and the contents of models, optimizers, lists, dicts, sets, arrays and random
    generators. What else an object holds inside is as the later runs have left it.
    """

    def __init__(self, variables: dict[str, Any], names: Iterable[str], also: Iterable[Any] = ()) -> None:
        """Keep everything that the names stand for, how all names are bound, and what other things hold."""
        self._variables = variables
        self._bound = dict(variables)
        self._undo = [
            _undo_of(each) for each in (*(variables[name] for name in names if name in variables), *also)
        ]
        self._python = random.getstate()
        self._numpy = np.random.get_state()  # noqa: NPY002 - the shared one

    def put_back(self, touched: Iterable[str]) -> None:
        """Bind names again as they were, and fill what they stand for."""
        for name in touched:
            if name in self._bound:
                self._variables[name] = self._bound[name]
            else:
                self._variables.pop(name, None)
        for undo in self._undo:
            if undo is not None:
                undo()
        random.setstate(self._python)
        np.random.set_state(self._numpy)  # noqa: NPY002 - the shared one


def _undo_of(thing: Any) -> Callable[[], None] | None:
    """Return what fills a thing with what it holds now, None for what needs none or can't be."""
    if is_model(thing):
        return _model(thing) if getattr(thing, "built", False) else None
    if isinstance(thing, (dict, set)):
        return _refill(thing, thing.copy())
    if isinstance(thing, list) or (isinstance(thing, np.ndarray) and _can_be_filled(thing)):
        return _later(thing.__setitem__, slice(None) if isinstance(thing, list) else ..., thing.copy())
    return undo_of(thing)


def _can_be_filled(array: np.ndarray[Any, Any]) -> bool:
    return array.flags.writeable and array.nbytes <= _LARGEST


def _model(model: Any) -> Callable[[], None]:
    optimizer = getattr(model, "optimizer", None)
    held = getattr(optimizer, "variables", ())
    variables = [*model.variables, *(held() if callable(held) else held)]
    values = [(variable, variable.numpy()) for variable in variables]

    def fill() -> None:
        for variable, value in values:
            variable.assign(value)

    return fill


def _refill(thing: Any, items: Any) -> Callable[[], None]:
    def fill() -> None:
        thing.clear()
        thing.update(items)

    return fill


def _later(call: Callable[..., Any], *arguments: Any) -> Callable[[], None]:
    return lambda: call(*arguments)
