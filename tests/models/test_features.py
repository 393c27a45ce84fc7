"""The outputs of any layers of a model, whatever the model is made of, and nothing of it changed."""

from __future__ import annotations

import importlib

import h5py
import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras.models.outputs.features import features

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
X = np.random.default_rng(0).normal(size=(10, 6, 6, 3)).astype("float32")


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def made(keras):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    base = keras.Sequential(
        [keras.Input((6, 6, 3)), layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="norm")],
        name="base",
    )
    twice = layers.Dense(4, activation="relu", name="twice")
    inputs = keras.Input((6, 6, 3))
    x = layers.GlobalAveragePooling2D(name="pool")(base(layers.Rescaling(0.5, name="scale")(inputs)))
    x = layers.Dropout(0.5, name="drop")(twice(twice(x)))
    return keras.Model(inputs, layers.Dense(2, name="end")(x), name="whole")


def test_names_paths_patterns_indices_and_uses(keras):
    model = made(keras)
    base, twice = model.get_layer("base"), model.get_layer("twice")
    middle = base(X * 0.5, training=False)
    pooled = np.mean(middle, (1, 2))
    once = np.asarray(twice(pooled))
    expected = {
        "base/conv": base.get_layer("conv")(X * 0.5),
        "base": middle,
        "pool": pooled,
        "twice#1": once,
        "twice#2": twice(once),
        "end": model(X, training=False),
    }
    found = features(model, ["conv", "base", "p*l", "twice", -1], X, batch_size=4)
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-6)
    assert list(features(model, "twice#2", X)) == ["twice#2"]
    assert list(features(model, [0, "-2", base], X)) == ["scale", "drop", "base"]
    assert list(features(model, "base/*", X)) == ["base/conv", "base/norm"]


def test_a_subclassed_model_and_several_tensors(keras):
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.low = keras.layers.Dense(3, name="low")
            self.memory = keras.layers.LSTM(2, return_state=True, name="memory")
            self.loop = keras.layers.SimpleRNN(2, name="loop")
            self.unused = keras.layers.Dense(1, name="unused")
            self.unused.build((None, 2))

        def call(self, x):
            low = self.low(x)
            return self.memory(low)[0] + self.loop(low)

    model, x = Own(), X[:, 0]
    with pytest.raises(nbkeras.Refusal, match="received one that is not built"):
        features(model, "low", x)
    expected = model(x) - model.loop(model.low(x))
    found = features(model, ["low", "memory"], x)
    assert list(found) == ["low", "memory:0", "memory:1", "memory:2"]
    np.testing.assert_allclose(found["memory:0"], expected, atol=1e-6)
    np.testing.assert_allclose(found["low"], model.low(x), atol=1e-6)
    with pytest.raises(nbkeras.Refusal, match="received 'unused', which it does not"):
        features(model, "unused", x)
    with pytest.raises(nbkeras.Refusal, match="called in a loop"):
        features(model, "loop/*", x)


def test_a_file_has_what_memory_has_and_is_there_whole_or_not_at_all(keras, tmp_path):
    model, file = made(keras), tmp_path / "kept.h5"
    data = tf.data.Dataset.from_tensor_slices((X, np.zeros(10))).batch(4)
    memory = features(model, ["base", "conv"], X)
    disk = features(model, ["base", "conv"], data, to=file)
    for name in memory:
        np.testing.assert_allclose(disk[name][:], memory[name], atol=1e-6)
    with h5py.File(file) as opened:
        assert set(opened) == {"base", "base.conv"}

    def broken():
        yield X[:4]
        raise KeyboardInterrupt

    stops = tf.data.Dataset.from_generator(broken, output_signature=tf.TensorSpec((None, 6, 6, 3)))
    with pytest.raises((KeyboardInterrupt, tf.errors.OpError)):
        features(model, "base", stops, to=tmp_path / "half.h5")
    assert [each.name for each in tmp_path.iterdir()] == ["kept.h5"]


def test_nothing_of_the_model_is_changed(keras):
    model = made(keras)
    model.compile("adam", "mse")
    plain = type(model).__call__
    before = [each.numpy() for each in model.variables]
    random = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one
    # In training: BatchNormalization moves, and Dropout draws.
    found = features(model, ["norm", "drop"], X, training=True)
    assert (found["drop"] == 0).any()
    assert abs(found["base/norm"].mean()) < 1e-5
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    assert type(model).__call__ is plain
    assert (random == np.random.get_state()[1]).all()  # noqa: NPY002 - as above


def test_a_pattern_leaves_out_what_has_no_outputs_of_its_own_and_says_so(keras):
    inputs = keras.Input((6, 3))
    attention = keras.layers.MultiHeadAttention(1, 2, name="attention")
    x = attention(keras.layers.LSTM(2, return_sequences=True, name="memory")(inputs), inputs)
    model = keras.Model(inputs, keras.layers.Flatten(name="flat")(x), name="whole")
    x = X[:, 0]
    found = features(model, "*", x)
    # A cell is called in a loop, in tf_keras not at all, as a dropout of nothing is not.
    why = "it does not call" if keras.__name__ == "tf_keras" else "is called in a loop"
    assert found.left_out["memory/lstm_cell"].startswith(why)
    assert {"memory", "attention", "flat"} < set(found)
    assert {each.partition("/")[0] for each in found.left_out} <= {"memory", "attention"}
    assert f", which {found.left_out['memory/lstm_cell']}" in repr(found)
    assert features(model, ["memory", "flat"], x).left_out == {}
    # What is named has to be there, beside a pattern too.
    with pytest.raises(nbkeras.Refusal, match=f"received 'memory/lstm_cell', which {why}"):
        features(model, ["*", "lstm_cell"], x)


@pytest.mark.costly
def test_models_in_models_and_what_wraps_layers(keras):
    layers = keras.layers
    keras.utils.set_random_seed(2)
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="deep")], name="inner")
    middle_in = keras.Input((3,))
    middle = keras.Model(middle_in, layers.Dense(2, name="flat")(inner(middle_in)), name="middle")
    first, second = keras.Input((6, 3), name="first"), keras.Input((3,), name="second")
    twice = [middle(second), middle(layers.Rescaling(2.0, name="doubled")(second))]
    both = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="both")(first)
    steps = layers.TimeDistributed(layers.Dense(5, name="each"), name="steps")(both)
    model = keras.Model({"first": first, "second": second}, {"twice": twice, "steps": steps}, name="whole")
    x = {"first": X[:, 0], "second": X[:, 0, 0]}
    found = features(model, ["deep", "middle", "both", "steps", "forward_gru*"], x, batch_size=4)
    deep, flat = inner.get_layer("deep"), middle.get_layer("flat")
    for use, factor in enumerate((1, 2), 1):
        expected = np.asarray(deep(x["second"] * factor))
        np.testing.assert_allclose(found[f"middle/inner/deep#{use}"], expected, atol=1e-6)
        np.testing.assert_allclose(found[f"middle#{use}"], flat(expected), atol=1e-6)
    outputs = model(x, training=False)
    np.testing.assert_allclose(found["steps"], outputs["steps"], atol=1e-6)
    (forward,) = [name for name in found if "forward" in name]
    np.testing.assert_allclose(found[forward], found["both"][..., :2], atol=1e-6)
    as_dataset = tf.data.Dataset.from_tensor_slices((x, np.zeros(10))).batch(3)
    again = features(model, ["deep", "steps"], as_dataset)
    np.testing.assert_allclose(again["middle/inner/deep#2"], found["middle/inner/deep#2"], atol=1e-6)
    # What is inside of a TimeDistributed has no row for each sample.
    with pytest.raises(nbkeras.Refusal, match="received 'steps/each', which"):
        features(model, "each", x)


@pytest.mark.parametrize("turned", [False, True])
def test_uses_are_numbered_as_they_are_written_however_keras_computes_them(keras, turned):
    layers = keras.layers
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    tower = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="low")], name="tower")
    towers = [tower(left), tower(right)]
    end = layers.Subtract(name="end")(towers[::-1] if turned else towers)
    siamese = keras.Model([left, right], end, name="siamese")
    inputs = [keras.Input((3,)), keras.Input((3,))]
    twice = [siamese(inputs), siamese(inputs[::-1])]
    model = keras.Model(inputs, layers.Concatenate()(twice[::-1] if turned else twice))
    x = [X[:, 0, 0], X[:, 1, 1]]
    found = features(model, ["low", "siamese"], x)
    for use, each in enumerate((x[0], x[1], x[1], x[0]), 1):
        np.testing.assert_allclose(found[f"siamese/tower/low#{use}"], tower(each), atol=1e-6)
    np.testing.assert_allclose(found["siamese#1"], siamese(x), atol=1e-6)


def test_layers_of_one_name_in_a_subclassed_model_are_told_apart(keras):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.low, self.high = keras.layers.Dense(3, name="same"), keras.layers.Dense(2, name="same")

        def call(self, x):
            return self.high(self.low(x))

    model, x = Own(), X[:, 0, 0]
    expected = model(x)
    found = features(model, "same", x)
    assert {name: each.shape for name, each in found.items()} == {"same": (10, 3), "same~2": (10, 2)}
    np.testing.assert_allclose(features(model, "same~2", x)["same~2"], expected, atol=1e-6)
    assert list(features(model, range(2), x)) == list(features(model, np.arange(2), x)) == ["same", "same~2"]


def test_data_and_outputs_that_cannot_be_are_one_line(keras, tmp_path):
    class Odd(keras.layers.Layer):
        def call(self, x):
            return tf.reduce_sum(x), tf.RaggedTensor.from_tensor(tf.concat([x, x], 0))[:, :1], None

    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.odd, self.end = Odd(name="odd"), keras.layers.Dense(1, name="end")
            self.slashed = keras.layers.Dense(1, name="a.b")

        def call(self, x):
            self.odd(x)
            return self.end(x) + self.slashed(x)

    model, own = made(keras), Own()
    own(X[:, 0, 0])
    rows = tf.data.Dataset.from_tensor_slices(X)
    lengths = tf.data.Dataset.from_generator(
        lambda: (np.zeros((2, length, 3)) for length in (4, 5)), output_signature=tf.TensorSpec((2, None, 3))
    )
    steps = keras.Sequential([keras.Input((None, 3)), keras.layers.Dense(2, name="end")])
    told = {
        "received some that it can't compute (": (model, "base", X[:, 0]),
        "received some that it can't compute": (model, "base", rows),
        "received a RaggedTensor: type  x.to_tensor()": (
            model,
            "base",
            tf.ragged.constant([[1.0], [2.0, 3.0]]),
        ),
        "received a SparseTensor: type  tf.sparse.to_dense(x)": (
            model,
            "base",
            tf.sparse.from_dense([[1.0]]),
        ),
        "received generator: give NumPy arrays or a tf.data.Dataset": (model, "base", (each for each in X)),
        "expected arrays of one length, received [2, 3]": (model, "base", [X[:2], X[:3]]),
        "expected data, received none": (model, "base", X[:0]),
        "expected rows of one shape from end, received (4, 2) and (5, 2)": (steps, "end", lengths),
        "received 'odd', which gives () for 10 samples": (own, "odd", X[:, 0, 0]),
    }
    for words, (each, layers, x) in told.items():
        with pytest.raises(nbkeras.Refusal) as caught:
            features(each, layers, x, to=tmp_path / "kept.h5")
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
        assert "\x1b" not in str(caught.value)
        assert list(tmp_path.iterdir()) == []
    assert set(features(own, "*", X[:, 0, 0]).left_out) == {"odd"}
    with pytest.raises(nbkeras.Refusal, match="batch_size: expected a whole number of 1 or more, received 0"):
        features(model, "base", X, batch_size=0)


@pytest.mark.costly
def test_mixed_precision_and_strategies(keras, tmp_path):
    for policy, kept in (("mixed_float16", "float16"), ("mixed_bfloat16", "float32")):
        keras.mixed_precision.set_global_policy(policy)
        try:
            model = made(keras)
        finally:
            keras.mixed_precision.set_global_policy("float32")
        found = features(model, "*", X, training=True)
        disk = features(model, "twice", X, to=tmp_path / f"{policy}.h5")
        assert found["twice#1"].dtype == disk["twice#1"].dtype == kept
        np.testing.assert_allclose(disk["twice#2"], features(model, "twice#2", X)["twice#2"])
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        mirrored = made(keras)
    before = [each.numpy() for each in mirrored.variables]
    for training in (False, True):
        found = features(mirrored, ["conv", "norm"], X, training=training)
        expected = features(made(keras), ["conv", "norm"], X, training=training)
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-6)
    for old, new in zip(before, mirrored.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())


def test_what_there_is_not_is_refused(keras):
    model = made(keras)
    endless = tf.data.Dataset.from_tensors(X).repeat()
    told = {
        "expected a layer of 'whole', received 'bas': it has scale, base, base/conv": ("bas", X),
        "expected an index from -6 to 5, received 9": (9, X),
        "expected a use from 1 to 2, received twice#3": ("twice#3", X),
        "received an endless Dataset": ("base", endless),
        "expected at least one layer": ([], X),
    }
    for words, (layers, x) in told.items():
        with pytest.raises(nbkeras.Refusal) as caught:
            features(model, layers, x)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
