"""Which layers of a model feed which others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_model

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_sequential(model: Any) -> bool:
    """Tell whether a model is a stack of layers."""
    return any(kind.__name__ == "Sequential" for kind in type(model).__mro__)


def has_graph(model: Any) -> bool:
    """Tell whether a model says itself how its layers are wired; a subclass with a ``call`` does not."""
    return is_sequential(model) or hasattr(model, "_nodes_by_depth")


def nested(layer: Any) -> Any:
    """Return the model that a layer is, or is a ``TimeDistributed`` of; None for other layers."""
    return next((held for held in (layer, getattr(layer, "layer", None)) if is_model(held)), None)


def inside(layer: Any) -> list[Any] | None:
    """Return the layers of a nested model; None for other layers.

    A model that holds weights of its own beside its layers, as a subclass may, counts as one layer: its flag
    alone freezes them.
    """
    model = nested(layer)
    if model is None:
        return None
    layers = list(model.layers)
    held = {id(weight) for each in layers for weight in each.weights}
    return layers if all(id(weight) in held for weight in model.weights) else None


def units(layers: Any) -> Iterator[Any]:
    """Yield the layers that hold weights, those of nested models one by one, in their order."""
    for layer in layers:
        inner = inside(layer)
        if inner is not None:
            yield from units(inner)
        elif layer.weights:
            yield layer


def up_to(model: Any, layer: Any) -> list[Any]:
    """Return a layer of a model and those that feed it, in the model's order.

    Args:
        model: a model with a graph, or a stack.
        layer: one of ``model.layers``.
    """
    layers = list(model.layers)
    if is_sequential(model):
        return layers[: layers.index(layer) + 1]
    parents = _parents(model)
    found: set[int] = set()
    waiting = [layer]
    while waiting:
        each = waiting.pop()
        if id(each) not in found:
            found.add(id(each))
            waiting += parents.get(id(each), [])
    return [each for each in layers if id(each) in found]


def _parents(model: Any) -> dict[int, list[Any]]:
    """Return, by the id of a layer or operation, what it takes its inputs from."""
    inputs = {id(tensor) for tensor in _flat(model.inputs)}
    parents: dict[int, list[Any]] = {}
    seen: set[tuple[int, int]] = set()
    waiting = _flat(model.outputs)
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in inputs:
            continue
        operation, node = tensor._keras_history[:2]  # noqa: SLF001 - no public name leads through a graph
        if (id(operation), node) in seen:
            continue
        seen.add((id(operation), node))
        taken = _taken(operation._inbound_nodes[node])  # noqa: SLF001
        waiting += taken
        parents.setdefault(id(operation), []).extend(each._keras_history[0] for each in taken)  # noqa: SLF001
    return parents


def _taken(node: Any) -> list[Any]:
    # Keras 3, and tf_keras.
    return list(node.input_tensors if hasattr(node, "arguments") else node.keras_inputs)


def _flat(tensors: Any) -> list[Any]:
    if isinstance(tensors, dict):
        tensors = list(tensors.values())
    if isinstance(tensors, (list, tuple)):
        return [each for held in tensors for each in _flat(held)]
    return [tensors]
