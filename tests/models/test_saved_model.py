"""A SavedModel of either Keras line, or of none, as a layer."""

from __future__ import annotations

import os

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import nbkeras
from nbkeras.runtime.refusal import Refusal

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = np.arange(16) % 2


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Where SavedModels are, and what each gives for X."""
    folder = tmp_path_factory.mktemp("saved")
    found = {}
    for name, line in (("keras", keras), ("tf_keras", tf_keras)):
        model = line.Sequential([line.Input((3,)), line.layers.Dense(2), line.layers.BatchNormalization()])
        path = str(folder / name)
        if name == "keras":
            model.export(path, verbose=False)
        else:
            model.save(path, save_format="tf")
        found[name] = (path, model.predict(X, verbose=0))
    raw = tf.Module()
    raw.factor = tf.Variable(2.0)
    specs = [tf.TensorSpec([None, 3], tf.float32, name="x")]
    double = tf.function(lambda x: {"y": x * raw.factor}, input_signature=specs)
    triple = tf.function(lambda x: {"y": x * 3.0}, input_signature=specs)
    path = str(folder / "raw")
    tf.saved_model.save(raw, path, signatures={"double": double, "triple": triple})
    found["raw"] = (path, 3 * X)
    return found


def output_of(layer, inputs):
    given = layer(inputs)
    return next(iter(given.values())) if isinstance(given, dict) else given


@pytest.mark.parametrize("name", ["keras", "tf_keras", "raw"])
def test_it_gives_what_the_saved_model_gives(made, name):
    path, theirs = made[name]
    layer = nbkeras.saved_model_layer(path, "triple" if name == "raw" else None)
    np.testing.assert_allclose(output_of(layer, X), theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.costly("tf_keras")
@pytest.mark.parametrize("name", ["keras", "tf_keras"])
@pytest.mark.parametrize("trainable", [False, True])
def test_it_is_frozen_unless_it_is_to_learn_and_is_saved_with_its_model(made, name, trainable, tmp_path):
    layer = nbkeras.saved_model_layer(made[name][0], trainable=trainable)
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(output_of(layer, inputs)))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = [np.asarray(each).copy() for each in layer.weights]
    model.fit(X, Y, verbose=0)
    moved = [not np.array_equal(a, np.asarray(b)) for a, b in zip(before, layer.weights, strict=True)]
    # Dense and the scale and shift of the normalization; its statistics were exported for inference.
    assert sum(moved) == (4 if trainable else 0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=False)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_what_is_no_saved_model_or_no_signature_is_refused(made, tmp_path, monkeypatch):
    with pytest.raises(Refusal, match=r'keras\.models\.load_model\("mine\.keras"\)'):
        nbkeras.saved_model_layer("mine.keras")
    with pytest.raises(Refusal, match=r"expected a folder with saved_model\.pb"):
        nbkeras.saved_model_layer(tmp_path)
    for endpoint in (None, "serve"):
        with pytest.raises(Refusal, match="one of double, triple, received"):
            nbkeras.saved_model_layer(made["raw"][0], endpoint)
    monkeypatch.setitem(os.environ, "TF_USE_LEGACY_KERAS", "1")
    with pytest.raises(Refusal, match="received tf_keras, which has none: type  tensorflow_hub"):
        nbkeras.saved_model_layer(made["keras"][0])
