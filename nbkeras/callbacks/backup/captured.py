"""The variables that the functions of a pipeline change: seeds of layers in ``map``, generators, counts.

A layer of Keras's that ``map`` calls draws from a seed generator, and a ``tf.random.Generator`` from its
state: variables outside of the model and of the iterator, which go on from epoch to epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.randomness import SHARED, behind
from nbkeras.callbacks.backup.sources import is_dataset, pipeline, verb
from nbkeras.callbacks.backup.variables import variables_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.callbacks.backup.packing import Array


# What a function may do with a variable and leave it as it is.
_READS = {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"}


def captured(data: Any) -> list[Any]:
    """Return the variables that a dataset's functions change, each once, in the order of the pipeline.

    Args:
        data: of a ``fit``; nothing is read from it, and what is no dataset has none.
    """
    found = _changed(data) if is_dataset(data) else ()
    return list({id(each): each for each in found}.values())


class Captured:
    """The variables that the data of one ``fit`` change: from their first values on, the data are the same.

    Args:
        given: the arguments of ``fit`` by name.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Look for them."""
        self._data = [given.get("x"), given.get("val_x")]
        held = [variable for data in self._data for variable in captured(data)]
        self._variables = list({id(each): each for each in held}.values())

    def read(self) -> list[Array]:
        """Return their values."""
        return [np.array(each.numpy()) for each in self._variables]

    def write(self, values: list[Array]) -> bool:
        """Set their values; tell whether there are as many and of the same shapes."""
        pairs = list(zip(self._variables, values, strict=False))
        fits = len(pairs) == len(self._variables) == len(values)
        if fits := fits and all(tuple(each.shape) == value.shape for each, value in pairs):
            for variable, value in pairs:
                variable.assign(value)
        return fits

    def shared(self) -> frozenset[str]:
        """Return the random states of the process that are among them."""
        own = {id(each) for each in self._variables}
        return frozenset(name for name in SHARED if id(behind(name)) in own)

    def inexact(self, model: Any) -> Iterator[str]:
        """Name those whose values a replay cannot bring back, for a model that trains on the data."""
        own = {id(getattr(each, "_value", each)) for held in variables_of(model).values() for each in held}
        if any(id(each) in own for each in self._variables):
            yield (
                "not exact: the data draw or count with a layer of the model, which draws while they read "
                "ahead: give the data a layer of their own"
            )
        # Else tf.data takes such elements one after the other.
        for data in () if _is_deterministic() else self._data:
            for each in pipeline(data) if is_dataset(data) else ():
                if "Parallel" in type(each).__name__ and list(_changed_by(each)):
                    yield (
                        f"not exact: {verb(each)} with num_parallel_calls draws or counts with a variable "
                        "from several threads: type  %seed 1 --deterministic , or take them away"
                    )


def _changed(dataset: Any) -> Iterator[Any]:
    for each in pipeline(dataset):
        yield from _changed_by(each)


def _changed_by(step: Any) -> Iterator[Any]:
    for function in step._functions():  # noqa: SLF001 - no public name finds what a pipeline does
        graph = getattr(getattr(function, "function", None), "graph", None)
        if graph is None:
            continue
        # Those of functions and datasets inside of it, too; in no order, which the captures have (measured
        # with TensorFlow 2.21).
        held = {id(each.handle): each for each in graph.variables}
        moved = (id(outer) for outer, inner in graph.captures if _is_moved(inner))
        yield from (held[place] for place in moved if place in held)


def _is_moved(placeholder: Any) -> bool:
    return any(operation.type not in _READS for operation in placeholder.consumers())


def _is_deterministic() -> bool:
    # No public name tells it.
    from tensorflow.python.framework import config

    return bool(config.is_op_determinism_enabled())
