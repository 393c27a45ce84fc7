"""The calls of layers that a functional or sequential model is made of, alike on both Keras lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a layer, or of an operation, in a model's graph.

    Attributes:
        layer: the layer or operation.
        arguments: its keyword arguments as they stand in the graph.
        inputs: the symbolic tensors that go in.
        outputs: the symbolic tensors that come out.
        number: its place among all calls of the layer, from 0 on, in the order in which they were written.
    """

    layer: Any
    arguments: Mapping[str, Any]
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    number: int

    @property
    def is_input(self) -> bool:
        """Whether data enter the model here."""
        return type(self.layer).__name__ == "InputLayer"


def graph_calls(model: Any) -> list[Call] | None:
    """Return the calls of a model's graph in the order in which Keras runs them, None without a graph."""
    # A Sequential of Keras 3 keeps its graph in a functional model. Neither line has public names for calls
    # (Keras 3.15, tf_keras 2.21).
    graph = getattr(model, "_functional", None) or model
    by_depth = getattr(graph, "_nodes_by_depth", None)
    if not by_depth:
        return None
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    return [_keras_3(node) if line_of(model) == "keras" else _tf_keras(node) for node in nodes]


def symbolic(model: Any, which: str) -> Any:
    """Return a model's symbolic ``input`` or ``output`` in the form that it is called with, or returns."""
    try:
        return getattr(model, which)
    except (AttributeError, ValueError):
        # A Sequential of Keras 3 has none before it is part of another model.
        return getattr(model, f"{which}s")[0]


def _keras_3(node: Any) -> Call:
    inputs, outputs = tuple(node.input_tensors), tuple(node.output_tensors)
    number = node.operation._inbound_nodes.index(node)  # noqa: SLF001 - as above
    return Call(node.operation, node.arguments.kwargs, inputs, outputs, number)


def _tf_keras(node: Any) -> Call:
    import tensorflow as tf

    inputs, outputs = tuple(node.keras_inputs), tuple(tf.nest.flatten(node.outputs))
    number = node.layer._inbound_nodes.index(node)  # noqa: SLF001 - as above
    return Call(node.layer, node.call_kwargs or {}, inputs, outputs, number)
