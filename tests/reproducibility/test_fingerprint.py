"""Fingerprints: equal for equal values, whatever Keras has called them this time."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from nbkeras.reproducibility import fingerprint


@given(arrays(np.float32, array_shapes(max_dims=3, max_side=4)), st.data())
def test_any_changed_bit_changes_the_digest(values, data):
    before = fingerprint.digest_of(values)
    assert fingerprint.digest_of(values.copy(order="F")) == before
    bits = values.view(np.uint8).reshape(-1)
    bits[data.draw(st.integers(0, bits.size - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert fingerprint.digest_of(values) != before


def test_type_and_shape_count():
    one = np.zeros((2, 3), np.float32)
    others = [one.astype(np.int32), one.reshape(3, 2), np.zeros((0, 3), np.float32), np.zeros((), np.float32)]
    digests = {fingerprint.digest_of(each) for each in [one, *others]}
    assert len(digests) == 5


def test_text_is_told_apart_by_its_items():
    """Joined without their lengths, ("ab", "c") and ("a", "bc") would be one."""
    pairs = [np.array(each, object) for each in (["ab", "c"], ["a", "bc"], [b"ab", b"c"])]
    assert len({fingerprint.digest_of(each) for each in pairs}) == 3


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def make(keras, seed=1):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.layers.Input((3,)),
        keras.layers.Dense(4),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(1),
    ]
    model = keras.Sequential(layers)
    model.compile("adam", "mse", metrics=[keras.metrics.AUC()])
    return model


def test_the_same_training_has_the_same_fingerprints(keras):
    """Made again in one process, layers and metrics have other names."""
    x = np.random.default_rng(0).random((8, 3)).astype("float32")
    found = []
    for seed in (1, 1, 2):
        model = make(keras, seed)
        history = model.fit(x, np.ones(8), epochs=2, verbose=0, shuffle=False).history
        found.append(fingerprint.fit_fingerprint(model, history, fingerprint.data_fingerprint(x=x)))
    assert found[0] == found[1]
    assert found[0]["data"] == found[2]["data"]
    assert all(found[0][name] != found[2][name] for name in ("weights", "optimizer", "history"))


def test_random_layers_are_no_weights(keras):
    model = make(keras)
    assert len(fingerprint.weights_of(model)) == 4
    seeds = fingerprint.seeds_of(model)
    assert len(seeds) == (1 if keras.__name__ == "keras" else 0)
    before = fingerprint.weights_fingerprint(model)
    model(np.ones((2, 3)), training=True)
    assert fingerprint.weights_fingerprint(model) == before
    assert (fingerprint.seeds_of(model) != seeds) is bool(seeds)


def test_unbuilt_model_has_no_weights(keras):
    model = keras.Sequential([keras.layers.Dense(2)])
    assert fingerprint.weights_of(model) == fingerprint.seeds_of(model) == []


def test_large_data_are_read_in_part_and_say_so(monkeypatch):
    monkeypatch.setattr(fingerprint, "WHOLE", 64)
    values = np.arange(32.0)
    (text,) = fingerprint.data_fingerprint(x=values, y=None).values()
    assert text.endswith("float64[32], 8 rows read")
    values[31] = 0
    assert fingerprint.data_fingerprint(x=values)["x"] != text


def test_data_that_cannot_be_read_twice_are_named_and_left_alone():
    import tensorflow as tf

    drawn = []
    source = (drawn.append(n) or n for n in range(3))
    dataset = tf.data.Dataset.from_tensor_slices(np.ones((4, 2))).batch(2)
    found = fingerprint.data_fingerprint(x=source, y=dataset, sample_weight=[1, [2, 3]])
    assert found["x"] == "a generator"
    assert "TensorSpec(shape=(None, 2)" in found["y"]
    assert found["sample_weight"] == "a list"
    assert drawn == []
