"""Where TensorFlow puts the operations of a model: read from the graphs that it runs on each device."""

from __future__ import annotations

import inspect
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.devices.placing.inner_losses import kept_losses
from nbkeras.devices.placing.kept_state import kept_randomness, kept_variables
from nbkeras.devices.placing.marked_layers import marking, number_in
from nbkeras.devices.placing.names import short

if TYPE_CHECKING:
    from collections.abc import Mapping

# Operations that only move values, or that belong to a variable wherever it is used.
_PLUMBING = frozenset(
    (
        *("Const", "HostConst", "Identity", "IdentityN", "NoOp", "Placeholder", "StopGradient"),
        *("_Arg", "_Retval", "_DeviceArg", "_DeviceRetval", "_Send", "_Recv", "_HostSend", "_HostRecv"),
        *("Enter", "Exit", "Merge", "Switch", "NextIteration", "LoopCond", "RefEnter", "ControlTrigger"),
        *(
            "ReadVariableOp",
            "VariableShape",
            "AssignVariableOp",
            "AssignAddVariableOp",
            "AssignSubVariableOp",
        ),
    )
)
# How TensorFlow begins the names of gradients: those that a tape makes, and those of functions and loops.
_GRADIENT = re.compile(r"gradient_tape/|gradients/nbkeras_layer|_grad/")


@dataclass(slots=True)
class Operations:
    """How many operations are on each device."""

    forward: Counter[str] = field(default_factory=Counter)
    gradients: Counter[str] = field(default_factory=Counter)


def operations(
    model: Any, base: Any, numbers: Mapping[int, int], inputs: Any
) -> dict[int | None, Operations]:
    """Return where the operations of layers are, for a forward pass in training and its gradients.

    The model is run once. Its variables and the global random generators are put back.

    Args:
        model: a model that is built.
        base: the class of all layers of its Keras line.
        numbers: the number of each layer by its ``id``.
        inputs: what it is called with.

    Returns:
        The operations of each layer by its number, and under None those outside of all of them.
    """
    import tensorflow as tf

    # Keras 3 has TensorFlow's variable in its own one.
    variables = [getattr(each, "_value", each) for each in model.trainable_variables]
    mode = {"training": True} if _takes_training(model) else {}

    def step(inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(inputs, **mode)
            targets = [each for each in tf.nest.flatten(outputs) if each.dtype.is_floating]
            targets += model.losses
        return outputs, tape.gradient(targets, variables)

    with kept_randomness(), kept_losses(model):
        with marking(base, numbers):
            function = tf.function(step, autograph=False).get_concrete_function(_specs(inputs))
        with kept_variables(function):
            graphs = _graphs_of_a_run(function, inputs)
    calls = _layers_of_calls(function.graph)
    found: dict[int | None, Operations] = {}
    for node in (node for graph in graphs for node in graph.node):
        if node.op in _PLUMBING:
            continue
        is_gradient, number = _GRADIENT.search(node.name) is not None, number_in(node.name)
        if number is None:
            # TensorFlow puts what a called function has into its place, behind the name of the call.
            number = calls.get(node.name.partition("/")[0])
            is_gradient = number is not None
        kind = found.setdefault(number, Operations())
        (kind.gradients if is_gradient or number is None else kind.forward)[short(node.device)] += 1
    return found


def _graphs_of_a_run(function: Any, inputs: Any) -> list[Any]:
    """Run a function for the first time; return the graph that each device got."""
    from tensorflow.python.eager import context

    # tf.summary.trace_on does the same, and hands the graphs over in a file alone.
    held = context.context()
    held.enable_run_metadata()
    try:
        # TensorFlow (2.21) has kept graphs of earlier operations, too, until it is asked for them.
        held.export_run_metadata()
        function(inputs)
        told = held.export_run_metadata()
    finally:
        held.disable_run_metadata()
    return [graph for each in told.function_graphs for graph in each.partition_graphs]


def _layers_of_calls(graph: Any) -> dict[str, int]:
    """Map calls of gradient functions, which have no mark, to the layers whose functions they belong to.

    tf_keras's recurrent layers, and a ``tf.function`` in a layer, are one operation that calls a function;
    the one of its gradients takes what the first one gives.
    """
    found = {}
    for operation in graph.get_operations():
        if operation.type.endswith("PartitionedCall") and number_in(operation.name) is None:
            numbers = [number_in(each.op.name) for each in operation.inputs if each.op.type == operation.type]
            number = next((each for each in numbers if each is not None), None)
            if number is not None:
                found[operation.name] = number
    return found


def _specs(inputs: Any) -> Any:
    import tensorflow as tf

    return tf.nest.map_structure(tf.type_spec_from_value, inputs)


def _takes_training(model: Any) -> bool:
    parameters = inspect.signature(model.call).parameters.values()
    return any(each.name == "training" or each.kind is each.VAR_KEYWORD for each in parameters)
