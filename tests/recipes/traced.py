"""On which devices a model's training step computes: read from the graph that TensorFlow traced for it."""

from __future__ import annotations

from collections import defaultdict


def devices_of(model, kinds=("MatMul", "BatchMatMulV2", "Conv2D")):
    """Map each device to the names of the computing ops that the last ``fit`` of a model placed on it."""
    placed = defaultdict(list)
    for function in _functions(model.train_function):
        for concrete in function._list_all_concrete_functions():
            graph = concrete.graph.as_graph_def()
            nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
            for node in nodes:
                if node.op in kinds:
                    placed[node.device.rpartition("device:")[2]].append(node.name)
    return dict(placed)


def _functions(thing):
    """Find the tf.functions behind a step: Keras 3 keeps them in closures."""
    if hasattr(thing, "_list_all_concrete_functions"):
        return [thing]
    inner = [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
    return [found for each in inner if callable(each) for found in _functions(each)]
