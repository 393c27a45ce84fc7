"""How the layers of a functional model are wired, told by places: names of layers are numbers."""

from __future__ import annotations

from typing import Any

from nbkeras.callbacks.backup.configs import config_of, plain, shown


def wiring_of(model: Any) -> dict[str, Any] | None:
    """Return what each call of a layer takes, from the inputs to the outputs, None for other models.

    A row is what is called, its other arguments, and for each tensor that it takes the row and the number of
    the output that it is.
    """
    if not hasattr(model, "_nodes_by_depth") or any(c.__name__ == "Sequential" for c in type(model).__mro__):
        return None
    inputs = {id(tensor): place for place, tensor in enumerate(_flat(model.inputs))}
    places = {id(layer): place for place, layer in enumerate(model.layers)}
    rows: list[list[Any]] = []
    numbers: dict[tuple[int, int], int] = {}
    waiting = [*reversed(_flat(model.outputs))]
    # No recursion: a network may be deeper than Python's stack.
    while waiting:
        tensor = waiting[-1]
        if _key(tensor) in numbers:
            waiting.pop()
            continue
        operation, node = _made_by(tensor)
        taken = [] if id(tensor) in inputs else _taken(node)
        missing = [each for each in taken if _key(each) not in numbers]
        if missing:
            waiting += reversed(missing)
            continue
        numbers[_key(tensor)] = len(rows)
        if id(tensor) in inputs:
            rows.append(["an input", [inputs[id(tensor)], _shape(tensor)], []])
        else:
            what = places.get(id(operation), config_of(operation))
            rows.append(
                [type(operation).__name__, [what, _arguments(node)], [_at(x, numbers) for x in taken]]
            )
    return {"rows": rows, "outputs": [_at(each, numbers) for each in _flat(model.outputs)]}


def wiring_difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """Say what is wired otherwise first, "" for nothing."""
    for mine, other in zip(ours["rows"], theirs["rows"], strict=False):
        if mine == other:
            continue
        if mine[0] == other[0] and mine[2] == other[2]:
            return f"{mine[0]} called with {shown(mine[1][-1])}, the backup's with {shown(other[1][-1])}"
        return f"{_words(mine, ours)}, the backup's has {_words(other, theirs)}"
    if len(ours["rows"]) != len(theirs["rows"]):
        return f"{len(ours['rows'])} calls of layers, the backup's has {len(theirs['rows'])}"
    return "" if ours["outputs"] == theirs["outputs"] else "layers that are wired otherwise to the outputs"


def _words(row: list[Any], wiring: dict[str, Any]) -> str:
    sources = [f"{wiring['rows'][number][0]} (call {number + 1})" for number, _ in row[2]]
    return f"{row[0]} of {', '.join(sources)}" if sources else str(row[0])


def _made_by(tensor: Any) -> tuple[Any, Any]:
    operation, node = tensor._keras_history[:2]  # noqa: SLF001 - no public name leads through a graph
    return operation, operation._inbound_nodes[node]  # noqa: SLF001


def _key(tensor: Any) -> tuple[int, int]:
    operation, node = tensor._keras_history[:2]  # noqa: SLF001
    return id(operation), node


def _at(tensor: Any, numbers: dict[tuple[int, int], int]) -> list[int]:
    return [numbers[_key(tensor)], int(tensor._keras_history[2])]  # noqa: SLF001


def _taken(node: Any) -> list[Any]:
    # Keras 3, and tf_keras.
    return list(node.input_tensors if hasattr(node, "arguments") else node.keras_inputs)


def _arguments(node: Any) -> Any:
    held = getattr(node, "arguments", None)
    given = (node.call_args, node.call_kwargs) if held is None else (held.args, held.kwargs)
    return plain(given)


def _shape(tensor: Any) -> list[Any]:
    return [*(None if size is None else int(size) for size in tensor.shape), str(tensor.dtype)]


def _flat(tensors: Any) -> list[Any]:
    if isinstance(tensors, dict):
        return [each for key in sorted(tensors) for each in _flat(tensors[key])]
    return (
        [each for held in tensors for each in _flat(held)]
        if isinstance(tensors, (list, tuple))
        else [tensors]
    )
