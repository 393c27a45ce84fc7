"""Variables of TensorFlow as one cell begins with them, whoever holds them, to take them back later.

A layer that only the ``map`` of a dataset calls, a count in a closure, the optimizer of a loop of one's own
belong to no model that a cell fits. All of them keep their values in variables, which Python's garbage
collector knows.
"""

from __future__ import annotations

import sys
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# In all; larger ones are weights of models.
KEPT = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Moved:
    """A variable that a cell has changed, with its values as the cell began and as it ended."""

    variable: weakref.ref[Any]
    start: Any
    end: Any

    def take_back(self) -> Any:
        """Give the variable its first value where nothing has changed it since; return it, else None."""
        held = self.variable()
        if held is None or not _same(_value(held), self.end):
            return None
        held.assign(self.start)
        return held


class Snapshot:
    """The values of all variables that are alive, the smaller ones first, up to 64 MiB in all."""

    def __init__(self, variables: Iterable[Any], *, but: set[int]) -> None:
        """Copy the values.

        Args:
            variables: those of TensorFlow.
            but: the ids of those to leave out.
        """
        self._held: list[tuple[weakref.ref[Any], Any]] = []
        left = KEPT
        wanted = [each for each in variables if id(each) not in but and _can_be_read(each)]
        for each in sorted(wanted, key=_size):
            left -= _size(each)
            value = _value(each) if left >= 0 else None
            if value is not None:
                self._held.append((weakref.ref(each), value))

    def has(self, variable: Any) -> bool:
        """Tell whether a variable is among them."""
        return any(reference() is variable for reference, _ in self._held)

    def moved(self, *, but: set[int]) -> list[Moved]:
        """Return those that have another value now."""
        found = []
        for reference, start in self._held:
            variable = reference()
            if variable is None or id(variable) in but:
                continue
            end = _value(variable)
            if end is not None and not _same(start, end):
                found.append(Moved(reference, start, end))
        return found


def is_variable(kind: type) -> bool:
    """Tell whether a class is one of TensorFlow's own variables, on a device."""
    return any(base.__name__ == "BaseResourceVariable" for base in kind.__mro__)


def resources_of(variables: Iterable[Any]) -> Iterator[Any]:
    """Give TensorFlow's own variables behind those of Keras and of strategies."""
    for each in variables:
        held = each
        # Keras 3's Variable, tf_keras's AutoCastVariable.
        for name in ("_value", "_variable"):
            inner = None if is_variable(type(held)) else getattr(held, name, None)
            held = held if inner is None else inner
        yield from getattr(held, "_values", None) or (held,)


def begun_anew(models: Iterable[Any]) -> Iterator[Any]:
    """Give the variables that every ``fit`` and every seed begin anew: metrics, counters, global seeds."""
    for model in models:
        with suppress(Exception):  # A look at a model of the user's must not end the cell.
            groups = variables_of(model)
            yield from [*groups["metrics"], *groups["counters"]]
    state = sys.modules.get("keras.src.backend.common.global_state")
    read = getattr(state, "get_global_attribute", None)
    operations: Any = sys.modules.get("tensorflow.python.ops.stateful_random_ops")
    held = (
        None if read is None else read("global_seed_generator"),
        getattr(operations, "global_generator", None),
    )
    yield from (each.state for each in held if each is not None)


def _can_be_read(variable: Any) -> bool:
    # Not those of graphs, nor those of other machines.
    return not getattr(variable, "_in_graph_mode", False) and "/job:localhost" in (variable.device or "")


def _size(variable: Any) -> int:
    return int(np.prod([size or 0 for size in variable.shape])) * int(variable.dtype.size)


def _value(variable: Any) -> Any:
    # None for one that has no value yet, or has it no more.
    with suppress(Exception):
        return np.array(variable.numpy(), copy=True)
    return None


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(one.tobytes() == other.tobytes())
