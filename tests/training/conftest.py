"""Small real models of both Keras lines, in one process."""

from __future__ import annotations

import gc
import importlib

import numpy as np
import pytest


@pytest.fixture(scope="module", autouse=True)
def no_garbage_in_what_was_imported():
    """Keras and KerasTuner look for garbage before each model; TensorFlow's modules are a million objects.

    What a file's tests have left is collected before it is frozen: two minutes went by where the graphs of
    all of them were freed at once.
    """
    for line in ("keras", "tf_keras"):
        importlib.import_module(line)
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.random((96, 4)).astype("float32")
    return x, (x.sum(axis=1) > 2).astype("int32")


@pytest.fixture
def model(keras):
    keras.utils.set_random_seed(0)
    inputs = keras.layers.Input((4,))
    outputs = keras.layers.Dense(2, activation="softmax")(inputs)
    model = keras.Model(inputs, outputs, name="small")
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def leaving(keras):
    """Make a callback that interrupts a training as an epoch begins, counted from 0, and never for None."""

    class Leaving(keras.callbacks.Callback):
        def __init__(self, epoch):
            super().__init__()
            self.epoch = epoch

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == self.epoch:
                raise KeyboardInterrupt

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    return Leaving


@pytest.fixture(autouse=True)
def quiet_log(tmp_path, monkeypatch):
    """Keep each test's run log in its own directory."""
    from nbkeras import runs

    monkeypatch.chdir(tmp_path)
    runs.set_log(tmp_path / "runs.sqlite")
    yield
    runs.set_log(None)
