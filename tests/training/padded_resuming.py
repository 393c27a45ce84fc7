"""Padded fits that are killed and gone on with: run by `test_padding.py` in its own process.

TensorFlow is imported once; each training is a fork made before TensorFlow's first operation.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf_keras

import nbkeras
from nbkeras.devices.logical_cpus import logical_cpus

SAMPLES, EPOCHS = 69, 3
rng = np.random.default_rng(0)
x = rng.random((SAMPLES, 6)).astype("float32")
y = x.sum(axis=1, keepdims=True)


def made(line):
    """Return a model with two losses, which Keras 3 counts by steps, and metrics that count samples."""
    layers = line.layers
    inputs = line.Input((6,))
    inner = layers.Dropout(0.2, seed=1)(layers.Dense(5, "tanh")(inputs))
    outputs = {name: layers.Dense(1, name=name)(inner) for name in "ab"}
    model = line.Model(inputs, outputs)
    model.compile("adam", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"], "b": ["mse"]})
    return model


def train(line, data, folder, killing=()):
    """Train on two devices, and return what came of it."""
    logical_cpus(2)
    os.environ["TF_USE_LEGACY_KERAS"] = str(int(line is tf_keras))

    class Killing(line.callbacks.Callback):
        def kill(self, *place):
            if place == killing:
                os.kill(os.getpid(), signal.SIGKILL)

        def on_train_batch_begin(self, batch, logs=None):
            self.kill("step", self.epoch, batch)

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_epoch_end(self, epoch, logs=None):
            # The backup of the epoch's last step is there, and that of its end is not.
            self.kill("end", epoch)

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    targets = {"a": y, "b": -y}
    given = {
        "arrays": ((x, targets), {}),
        "arrays in their own order": ((x, targets), {"shuffle": False}),
        "a dataset": ((tf.data.Dataset.from_tensor_slices((x, targets)).shuffle(9, seed=3).batch(32),), {}),
    }
    with nbkeras.fitting(
        quiet=True, strategy="mirrored", pad=True, backup=folder, every=1, seed=5, epochs=EPOCHS
    ) as session:
        model = made(line)
        arguments, options = given[data]
        history = model.fit(*arguments, callbacks=[Killing()], verbose=0, **options)
    notes = session.run.notes
    assert any("counts once, by --pad" in each for each in notes), notes
    assert not any("not exact" in each for each in notes), notes
    return {
        "weights": [each.astype(float).tolist() for each in model.get_weights()],
        "history": {name: list(map(float, values)) for name, values in history.history.items()},
        "resumed": [each for each in notes if "resumes at" in each],
    }


def forked(*arguments):
    """Train in a child; return what came of it, None where it was killed."""
    result = Path("result.json")
    result.unlink(missing_ok=True)
    child = os.fork()
    if not child:
        try:
            result.write_text(json.dumps(train(*arguments)), encoding="utf-8")
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    if status:
        sys.exit("a training failed")
    return json.loads(result.read_text(encoding="utf-8"))


for line in [each for each in (keras, tf_keras) if each.__name__ in sys.argv[1:]]:
    for number, (data, kills) in enumerate(
        {
            # Before the uneven batch, and when it has been backed up.
            "arrays": [("step", 1, 2)],
            "arrays in their own order": [("step", 0, 2), ("end", 1)],
            "a dataset": [("step", 1, 1)],
        }.items()
    ):
        place = f"{line.__name__}-{number}"
        whole = forked(line, data, f"{place}-whole")
        for kill in kills:
            assert forked(line, data, f"{place}-cut", kill) is None
        cut = forked(line, data, f"{place}-cut")
        assert "resumes at epoch" in cut.pop("resumed")[0]
        assert not whole.pop("resumed")
        assert cut == whole, (place, cut["history"], whole["history"])
        sys.stdout.write(f"done {line.__name__} {data}\n")
