"""Plain TensorFlow that shows where the variables and operations of a model are."""

from __future__ import annotations

from typing import Any

from nbkeras.runtime.keras_lines import line_of

_CODE = """\
import tensorflow as tf
from tensorflow.python.eager import context

variables = [{weight} for weight in {model}.weights]
for variable in variables:
    print(variable.device.rpartition("device:")[2], variable.name)


@tf.function
def step(inputs):
    with tf.GradientTape() as tape:
        outputs = {model}(inputs, training=True)
    return tape.gradient(outputs, [each for each in variables if each.trainable])


{inputs}
# The graphs that TensorFlow hands to each device when a function runs for the first time. It is
# a step in training: the statistics of BatchNormalization move.
context.context().enable_run_metadata()
context.context().export_run_metadata()  # of what ran before
step(inputs)
functions = context.context().export_run_metadata().function_graphs
context.context().disable_run_metadata()
for graph in [graph for function in functions for graph in function.partition_graphs]:
    for node in graph.node:
        print(node.device.rpartition("device:")[2], node.op, node.name)
"""
_ZEROS = """\
inputs = [tf.zeros([size or 4 for size in each.shape], each.dtype) for each in {model}.inputs]
inputs = inputs[0] if len(inputs) == 1 else inputs"""


def plain_code(name: str, model: Any, batch: str = "") -> str:
    """Return plain TensorFlow that prints the devices of a model's variables and operations.

    Args:
        name: the variable that holds the model.
        model: the model.
        batch: the variable that holds inputs of it; by default zeros are made.
    """
    return _CODE.format(
        model=name,
        weight="weight.value" if line_of(model) == "keras" else "weight",
        inputs=f"inputs = {batch}" if batch else _ZEROS.format(model=name),
    )
