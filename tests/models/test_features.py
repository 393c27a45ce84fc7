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
