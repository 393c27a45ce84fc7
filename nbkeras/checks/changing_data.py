"""What makes a pipeline of ``tf.data`` give other elements, or another order, each time it is read."""

from __future__ import annotations

from typing import Any

from nbkeras.checks.random_operations import pipeline_steps, verb

_OPERATIONS = 20_000
_DRAWS = ("Random", "Rng", "Stateful", "Multinomial", "TruncatedNormal", "ParameterizedTruncated")
# A Python function may draw, and read what changes; variables keep what was drawn last.
_MAY_CHANGE = {"PyFunc": "a Python function", "EagerPyFunc": "a Python function"}
_MAY_CHANGE |= dict.fromkeys(("AssignVariableOp", "AssignAddVariableOp"), "a variable that changes")
_MIXED = {"RandomDataset": "random numbers", "_DirectedInterleaveDataset": "sampling from several datasets"}


def changing_steps(dataset: Any) -> list[str]:
    """Name the steps of a pipeline that may give other elements, or another order, in the next iteration.

    What comes before a ``cache`` is read once, so it is left out.

    Args:
        dataset: any ``tf.data.Dataset``; nothing is read from it.

    Returns:
        Such as ``["shuffle", "RandomUniform in map"]``, each once; empty where every iteration is the same.
    """
    found: dict[str, None] = {}
    for step in pipeline_steps(dataset):
        kind = type(step).__name__
        if "Shuffle" in kind and getattr(step, "_reshuffle_each_iteration", True) is not False:
            found["shuffle"] = None
        if kind in _MIXED:
            found[_MIXED[kind]] = None
        for function in step._functions():  # noqa: SLF001 - no public name finds what a pipeline does
            graph = getattr(getattr(function, "function", None), "graph", None)
            name = None if graph is None else _changing_in(graph)
            if name is not None:
                found[f"{name} in {verb(step)}"] = None
    return list(found)


def _changing_in(graph: Any) -> str | None:
    kinds = [each.type for each in graph.get_operations()[:_OPERATIONS]]
    functions = getattr(graph, "_functions", {}).values()
    kinds += [node.op for each in functions for node in each.definition.node_def[:_OPERATIONS]]
    for kind in map(str, kinds):
        if kind.startswith(_DRAWS):
            return kind
        if kind in _MAY_CHANGE:
            return _MAY_CHANGE[kind]
    return None
