"""Random numbers in the functions of a pipeline of ``tf.data`` that begin again with each iterator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Reading is bounded: a pipeline with more steps, or a function with more operations, is read in part.
_STEPS = 200
_OPERATIONS = 20_000


def seeded_operations(dataset: Any) -> list[str]:
    """Name the random operations in a dataset's functions that a seed has made the same in each iterator.

    An operation has a seed when one was given to it, or when TensorFlow had a global seed as the function was
    traced. A seeded operation keeps its place in its random numbers as long as the iterator lives, and the
    next iterator begins with them again (tensorflow#35682; measured with TensorFlow 2.21).
    ``tf.random.Generator``, the layers of Keras 3 and the stateless operations keep theirs outside, or are
    given it. What comes before a ``cache`` runs once, so it is left out.

    Args:
        dataset: any ``tf.data.Dataset``; nothing is read from it.

    Returns:
        Such as ``["RandomUniform in map"]``, each once.
    """
    found: dict[str, None] = {}
    for step in pipeline_steps(dataset):
        for function in step._functions():  # noqa: SLF001 - no public name finds what a pipeline does
            graph = getattr(getattr(function, "function", None), "graph", None)
            if graph is not None and (name := _seeded_in(graph)) is not None:
                found[f"{name} in {verb(step)}"] = None
    return list(found)


def pipeline_steps(dataset: Any) -> Iterator[Any]:
    """Yield the transformations of a pipeline, from its end back to what is cached."""
    waiting, seen = [dataset], 0
    while waiting and seen < _STEPS:
        step = waiting.pop(0)
        seen += 1
        if type(step).__name__ == "CacheDataset":
            continue
        yield step
        waiting += step._inputs()  # noqa: SLF001 - no public name finds what a pipeline is made of


def _seeded_in(graph: Any) -> str | None:
    """Name a seeded random operation of a graph and of the functions that it calls."""
    operations = graph.get_operations()[:_OPERATIONS]
    name = _first((operation.type, operation.node_def.attr) for operation in operations)
    if name is not None:
        return name
    # Branches, loops and datasets in datasets. The public as_graph_def would copy every constant.
    functions = getattr(graph, "_functions", {}).values()
    nodes = (node for each in functions for node in each.definition.node_def[:_OPERATIONS])
    return _first((node.op, node.attr) for node in nodes)


def _first(nodes: Iterable[tuple[str, Any]]) -> str | None:
    # Such operations alone have both: datasets are given their seeds as inputs.
    for kind, attributes in nodes:
        if {"seed", "seed2"} <= set(attributes) and (attributes["seed"].i or attributes["seed2"].i):
            return kind
    return None


def verb(step: Any) -> str:
    """Name a transformation as its method is called: ``map``, ``parallel map``."""
    # _ParallelMapDataset: parallel map.
    name = type(step).__name__.strip("_").removesuffix("Dataset")
    rest = name.removeprefix("Parallel")
    return f"parallel {rest.lower()}" if rest != name else rest.lower()
