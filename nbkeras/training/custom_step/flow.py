"""What flows into what in a traced step: asked of the graph, so that no random number blurs the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# They look at the form of a tensor, not at what is in it.
_FORM_ONLY = frozenset({"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"})
_CALLS = ("If", "While", "Case", "PartitionedCall")
_WRITES = ("Assign", "ResourceApply", "ResourceScatter", "ResourceSparseApply")


class Flow:
    """The flow of values through one traced step."""

    def __init__(self, graph: Any, carried: Iterable[Any] = ()) -> None:
        """Read a graph.

        Args:
            graph: the graph of the step.
            carried: variables that a step may keep values in: what is read from them is what was written.
        """
        self._graph = graph
        self._carried = {id(handle) for handle in self._inner_handles(carried)}

    def reaches(self, targets: Iterable[Any], found: Callable[[Any], bool]) -> bool:
        """Tell whether something that ``found`` recognises flows into one of the targets."""
        waiting, seen = list(targets), set()
        while waiting:
            tensor = waiting.pop()
            if id(tensor) in seen:
                continue
            seen.add(id(tensor))
            if found(tensor):
                return True
            waiting += self._before(tensor)
        return False

    def carries(self, targets: Iterable[Any]) -> bool:
        """Tell whether what earlier batches have left in the carried variables flows into a target."""
        return self.reaches(targets, lambda tensor: id(tensor) in self._carried)

    def written(self, variable: Any) -> list[Any]:
        """Return what the step writes into a variable, in this graph or a branch of it."""
        handles = {id(handle) for handle in self._inner_handles([variable])}
        return [
            value
            for operation in self._graph.get_operations()
            if operation.type.startswith(_WRITES) or operation.type.endswith(_CALLS)
            if any(id(each) in handles for each in operation.inputs)
            for value in operation.inputs
            if id(value) not in handles
        ]

    def _before(self, tensor: Any) -> list[Any]:
        operation = tensor.op
        if operation.type in _FORM_ONLY:
            return []
        if operation.type == "Placeholder":
            if id(tensor) in self._carried:
                return self._writes_into(tensor)
            # The input of a branch or of a loop's body is a value of the graph around it.
            captures = getattr(tensor.graph, "captures", ())
            return [outer for outer, inner in captures if inner is tensor and hasattr(outer, "op")]
        return list(operation.inputs)

    def _writes_into(self, handle: Any) -> list[Any]:
        return [
            value
            for operation in self._graph.get_operations()
            if operation.type.startswith(_WRITES) and operation.inputs[0] is handle
            for value in operation.inputs[1:]
        ]

    def _inner_handles(self, variables: Iterable[Any]) -> list[Any]:
        outer = {id(variable.handle) for variable in variables}
        return [inner for handle, inner in self._graph.captures if id(handle) in outer]


def is_random(tensor: Any) -> bool:
    """Tell whether a tensor is drawn at random."""
    return "Random" in tensor.op.type and "Key" not in tensor.op.type
