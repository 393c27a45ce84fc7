"""Which callbacks of the user's touch what the data of a training come from.

A replay calls no callbacks. What they do to the data is told from their code, before the training.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.named_values import held_by, is_own, methods_by_name, reached
from nbkeras.callbacks.backup.python_data import drawn_from, functions_in
from nbkeras.callbacks.backup.sources import is_arrays, is_dataset, orders_of, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# A longer one is data.
_FEW = 50


def touching(callbacks: Iterable[Any], given: Mapping[str, Any]) -> Iterator[str]:
    """Name the callbacks whose doings a replay of the data lacks.

    Args:
        callbacks: those of the list.
        given: the arguments of ``fit`` by name.
    """
    used = _used(given)
    python, noted = runs_python(given), ends_with_epochs(given)
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
        if not python:
            continue
        # What is drawn where an epoch ends is noted; between batches, the data may draw at the same time.
        between = [each for hook, each in functions.items() if "batch" in hook or not noted]
        for source in drawn_from(between):
            yield (
                f"not exact: {name} draws from {source} random state between batches, as the data may: give "
                "it a generator of its own,  np.random.default_rng(1)"
            )


def runs_python(given: Mapping[str, Any]) -> bool:
    """Tell whether the data of a ``fit`` come from code of the user's, which may draw what callbacks draw."""
    return any(not is_dataset(each) or functions_in(pipeline(each)) for each in _used(given))


def ends_with_epochs(given: Mapping[str, Any]) -> bool:
    """Tell whether the iterators of a ``fit``'s data come to their end with each epoch.

    Others read ahead in threads of their own while callbacks run.
    """
    asked = [given.get(name) for name in ("steps_per_epoch", "validation_steps")]
    return asked == [None, None] and (given.get("workers") or 1) <= 1


def holds_functions(callback: Any) -> bool:
    """Tell whether a callback of Keras's calls functions of the user's at its hooks."""
    return any(cls.__name__ == "LambdaCallback" for cls in type(callback).__mro__)


def _used(given: Mapping[str, Any]) -> list[Any]:
    data = (given.get("x"), given.get("val_x"))
    return [each for each in data if each is not None and not is_arrays(each)]


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
        elif is_own(type(value).__module__):
            yield from held_by(value)


def _shares(value: Any, data: Any) -> bool:
    """Tell whether reading a value moves the order of data."""
    if is_dataset(data):
        return is_dataset(value) and bool(orders_of(value) & orders_of(data))
    return value is data
