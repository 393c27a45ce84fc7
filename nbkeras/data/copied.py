"""A pipeline that reads the same as another one and leaves that one's shuffling where it is."""

from __future__ import annotations

from typing import Any

# Where the operations that go on from one reading to the next have the resource behind it.
_PLACES = {
    "ShuffleDatasetV3": (4, "DummySeedGenerator"),
    "ShuffleAndRepeatDatasetV2": (5, "DummySeedGenerator"),
    "RandomDatasetV2": (2, "DummySeedGenerator"),
    "CacheDatasetV2": (2, "DummyMemoryCache"),
}
_CACHE = "CacheDatasetV2"


def goes_on(dataset: Any) -> bool:
    """Tell whether reading a dataset changes its next reading: the order of a shuffle, what a cache holds."""
    names = [type(dataset).__name__]
    return any(word in name for name in names for word in ("Shuffle", "Random", "Cache")) or any(
        goes_on(each)
        for each in dataset._inputs()  # noqa: SLF001 - no public name finds what it is made of
    )


def copied(dataset: Any) -> Any:
    """Return a dataset of the same elements whose shuffles begin anew, and whose caches are its own.

    A shuffle keeps the seeds of its next order in a resource that all readings of a dataset share. The copy
    is made from the dataset's graph, in which each such resource is replaced by the sign with which
    TensorFlow makes a new one (measured with TensorFlow 2.21). It caches in memory, never in files.

    Args:
        dataset: a ``tf.data.Dataset``; nothing is read of it.

    Raises:
        Exception: what TensorFlow raises for a pipeline that has no graph.
    """
    import tensorflow as tf
    from tensorflow.python.data.ops.options import ExternalStatePolicy
    from tensorflow.python.eager import wrap_function

    text = dataset._as_serialized_graph(external_state_policy=ExternalStatePolicy.IGNORE)  # noqa: SLF001
    graph = tf.compat.v1.GraphDef.FromString(text.numpy())
    for node in list(graph.node):
        place, operation = _PLACES.get(node.op, (None, ""))
        if place is not None:
            node.input[place] = graph.node.add(name=f"{node.name}/own", op=operation).name
        if node.op == _CACHE:
            node.input[1] = _no_file(graph, f"{node.name}/no_file")
    (result,) = (node.input[0] for node in graph.node if node.op == "_Retval")
    function = wrap_function.function_from_graph_def(
        graph, inputs=[], outputs=f"{result.partition(':')[0]}:0"
    )
    made = tf.data.experimental.from_variant(function(), dataset.element_spec)
    return made.with_options(dataset.options())


def _no_file(graph: Any, name: str) -> str:
    import tensorflow as tf

    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(""))
    return str(node.name)
