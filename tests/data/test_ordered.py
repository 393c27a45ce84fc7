"""Arrays as batches: another order each epoch, the same orders in each run, the types that Keras makes."""

from __future__ import annotations

import importlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from nbkeras.data.ordered import ordered_batches
from nbkeras.data.tensors import LeftToKeras, weights_of_classes

LINES = ("keras", "tf_keras")


def values(batches):
    return [int(value) for batch in batches for value in batch]


def test_each_epoch_has_an_order_of_its_own_and_each_run_the_same_ones():
    def run(seed):
        batches = ordered_batches(np.arange(50), batch_size=8, seed=seed)
        return [values(batches) for _ in range(4)]

    first = run(3)
    assert all(sorted(epoch) == list(range(50)) for epoch in first)
    assert len({tuple(epoch) for epoch in first}) == 4
    assert run(3) == first
    assert run(4)[0] != first[0]


def test_a_seed_of_tensorflow_leaves_the_epochs_their_own_orders():
    tf.random.set_seed(0)
    batches = ordered_batches(np.arange(50), batch_size=8, seed=3)
    assert len({tuple(values(batches)) for _ in range(4)}) == 4


@pytest.mark.parametrize(("count", "size"), [(7, 3), (6, 3), (2, 5), (1, 1)])
def test_batches_are_those_of_fit(count, size):
    batches = ordered_batches(np.arange(count), batch_size=size, seed=0, shuffle=False)
    assert values(batches) == list(range(count))
    lengths = [len(batch) for batch in batches]
    assert lengths == [size] * (count // size) + [count % size] * (count % size > 0)
    assert int(batches.cardinality()) == len(lengths)


def kinds():
    rng = np.random.default_rng(0)
    wide = rng.random((12, 3))
    yield "float64", wide, np.arange(12)
    yield "float16", wide.astype("float16"), wide
    yield "int and bool", np.arange(12, dtype="uint8"), np.arange(12) > 5
    yield "tensors", tf.constant(wide), tf.range(12)
    yield "frame", pd.DataFrame(wide), pd.Series(np.arange(12.0))
    yield "integers of a frame", pd.DataFrame({"a": range(12), "b": range(12)}), np.arange(12)
    yield "two inputs", [wide, np.arange(12)], np.arange(12)
    yield "named", {"b": wide, "a": np.arange(12)}, {"o": np.arange(12)}
    yield "no targets", wide, None
    yield "texts", np.array(list("abcdefghijkl"), object), np.arange(12)


def as_keras_makes_them(line, x, y):
    if line == "keras":
        from keras.src.trainers.data_adapters import array_data_adapter

        return array_data_adapter.ArrayDataAdapter(x, y, batch_size=5).get_tf_dataset()
    from tf_keras.src.engine import data_adapter

    return data_adapter.TensorLikeDataAdapter(x, y, batch_size=5).get_dataset()


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize(("x", "y"), [each[1:] for each in kinds()], ids=[each[0] for each in kinds()])
def test_what_fit_is_given_is_what_keras_makes_of_arrays(line, x, y):
    ours = ordered_batches(x, y, batch_size=5, seed=0, shuffle=False, line=line)
    theirs = as_keras_makes_them(line, x, y)
    for mine, its in zip(ours, theirs, strict=True):
        tf.nest.assert_same_structure(mine, its)
        for one, other in zip(tf.nest.flatten(mine), tf.nest.flatten(its), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("line", LINES)
def test_weights_of_several_targets(line):
    targets, weights = (np.arange(4), np.arange(4)), np.arange(4.0)
    one = weights if line == "keras" else (weights, weights)
    batches = ordered_batches(np.arange(4), targets, one, batch_size=4, seed=0, shuffle=False, line=line)
    ((_, _, made),) = batches
    assert [array.numpy().tolist() for array in made] == [[0.0, 1.0, 2.0, 3.0]] * 2


@pytest.mark.parametrize("targets", ["labels", "column", "one-hot"])
def test_weights_of_classes_are_what_keras_makes_of_them(targets):
    from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

    labels = np.array([0, 1, 2, 1])
    y = {"labels": labels, "column": labels[:, None], "one-hot": np.eye(3)[labels]}[targets]
    weight = {0: 2.0, 1: 0.5}
    made = weights_of_classes(y, weight, "keras")
    np.testing.assert_array_equal(made, class_weight_to_sample_weights(y, weight))
    assert made.dtype == "float32"


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (tf.sparse.from_dense([[1.0]]), "SparseTensor"),
        (tf.ragged.constant([[1], [2, 3]]), "RaggedTensor"),
        ([1.0, 2.0], "float"),
        ([np.arange(3), np.arange(4)], "unequal length"),
        (np.zeros((0, 2)), "no samples"),
        (np.array([object()]), "an array of object"),
        ([np.arange(2), None], "no array"),
        (tf.constant(1.0), "single numbers"),
    ],
)
@pytest.mark.parametrize("line", LINES)
def test_what_only_keras_can_take_is_left_to_it(x, words, line):
    with pytest.raises(LeftToKeras, match=words):
        ordered_batches(x, batch_size=2, seed=0, line=line)


def test_arrays_are_not_parts_of_the_graph():
    """A graph that holds arrays may have 2 GB at most, and takes long to make."""
    importlib.import_module("keras")
    x = np.zeros((1000, 1000), "float32")
    batches = ordered_batches(x, batch_size=10, seed=0)
    graph = tf.raw_ops.DatasetToGraphV2(input_dataset=batches._variant_tensor, external_state_policy=1)
    functions = [
        node for f in tf.compat.v1.GraphDef.FromString(graph.numpy()).library.function for node in f.node_def
    ]
    assert functions
    assert max(len(node.SerializeToString()) for node in functions) < 10_000
