"""Which callbacks of the user's touch what the data of a training come from.

A replay calls no callbacks. What they do to the data is told from their code, before the training.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.named_values import held_by, methods_by_name, reached
from nbkeras.callbacks.backup.python_data import drawn_from, functions_in
from nbkeras.callbacks.backup.sources import is_arrays, is_dataset, orders_of, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A longer one is data.
_FEW = 50


def touching(callbacks: Iterable[Any], data: Iterable[Any], *, ends_with_epochs: bool) -> Iterator[str]:
    """Name the callbacks whose doings a replay of the data lacks.

    Args:
        callbacks: those of the list.
        data: what the ``fit`` trains and validates with.
        ends_with_epochs: whether the random state is noted between epochs, see `boundaries`.
    """
    used = [each for each in data if each is not None and not is_arrays(each)]
    runs_python = any(not is_dataset(each) or functions_in(pipeline(each)) for each in used)
    for callback in callbacks:
        name, functions = type(callback).__name__, _functions_of(callback)
        values = [
            *held_by(callback),
            *(named.value for each in functions.values() for named in reached(each)),
        ]
        if any(_shares(value, each) for value in _opened(values) for each in used):
            yield (
                f"not exact: {name} uses the data of the training: reading them there moves their order, and "
                "it is not called again when the data are brought to their place: give it data of its own"
            )
        if not runs_python:
            continue
        # What is drawn where an epoch ends is noted; between batches, the data may draw at the same time.
        between = [each for hook, each in functions.items() if "batch" in hook or not ends_with_epochs]
        for source in drawn_from(between):
            yield (
                f"not exact: {name} draws from {source} random state between batches, as the data may: give "
                "it a generator of its own,  np.random.default_rng(1)"
            )


def holds_functions(callback: Any) -> bool:
    """Tell whether a callback of Keras's calls functions of the user's at its hooks."""
    return any(cls.__name__ == "LambdaCallback" for cls in type(callback).__mro__)


def _functions_of(callback: Any) -> dict[str, FunctionType]:
    """Return the functions of the user's that a callback has, by their names in it."""
    held = {name: value for name, value in vars(callback).items() if isinstance(value, FunctionType)}
    return methods_by_name(callback) | held


def _opened(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield value
        if isinstance(value, (list, tuple)) and len(value) < _FEW:
            yield from value
        elif isinstance(value, dict) and len(value) < _FEW:
            yield from value.values()


def _shares(value: Any, data: Any) -> bool:
    """Tell whether reading a value moves the order of data."""
    if is_dataset(data):
        return is_dataset(value) and bool(orders_of(value) & orders_of(data))
    return value is data
