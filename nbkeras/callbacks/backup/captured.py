"""The variables that the functions of a pipeline change: seeds of layers in ``map``, generators, counts.

A layer of Keras's that ``map`` calls draws from a seed generator, and a ``tf.random.Generator`` from its
state: variables outside of the model and of the iterator, which go on from epoch to epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.sources import is_dataset, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator


# What a function may do with a variable and leave it as it is.
_READS = {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape"}


def captured(data: Any) -> list[Any]:
    """Return the variables that a dataset's functions change, each once, in the order of the pipeline.

    Args:
        data: of a ``fit``; nothing is read from it, and what is no dataset has none.
    """
    found = _changed(data) if is_dataset(data) else ()
    return list({id(each): each for each in found}.values())


def _changed(dataset: Any) -> Iterator[Any]:
    for each in pipeline(dataset):
        for function in each._functions():  # noqa: SLF001 - no public name finds what a pipeline does
            graph = getattr(getattr(function, "function", None), "graph", None)
            if graph is None:
                continue
            # Those of functions and datasets inside of it, too (measured with TensorFlow 2.21).
            moved = {id(outer) for outer, inner in graph.captures if _is_moved(inner)}
            yield from (held for held in graph.variables if id(held.handle) in moved)


def _is_moved(placeholder: Any) -> bool:
    return any(operation.type not in _READS for operation in placeholder.consumers())
