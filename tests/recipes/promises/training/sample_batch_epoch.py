"""The numbers are those of a real fit: its steps, the size of its last batch, all its updates."""

import numpy as np
import pytest

from nbkeras import recipes

_GENERATED = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

def pairs():
    for _ in range(70):
        yield np.zeros(3, "float32"), np.float32(0)

signature = (tf.TensorSpec((3,)), tf.TensorSpec(()))
# Nobody knows its size before it is read.
batches = tf.data.Dataset.from_generator(pairs, output_signature=signature).batch(16)
mine = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
mine.compile(loss="mse")
mine.fit(np.zeros((40, 3)), np.zeros(40), batch_size=10, epochs=2, verbose=0)
inputs = tf.zeros((70, 3))
"""
OWN = [
    ({"source": "dataset", "dataset": "batches", "model": "mine", "epochs": 2}, _GENERATED),
    ({"source": "array", "x": "inputs", "batch_size": 9, "validation_split": 0.1, "epochs": 2}, _GENERATED),
]


def kept(values, variables, line):
    sizes = real_batches(values, variables)
    steps = variables["steps_per_epoch"]
    assert len(sizes) == variables["updates"] == steps * values["epochs"]
    assert sum(sizes[:steps]) == variables["training_samples"]
    assert sizes[steps - 1] == variables["last_batch"]
    if values["model"]:
        assert variables["updates_before"] == 8
    if values["dataset"]:
        refuses_what_has_no_epochs(values, variables)


def real_batches(values, variables):
    """Return the sizes of the batches that fit really draws."""
    from tensorflow import keras

    sizes = []

    class Recording(keras.Model):
        def train_step(self, data):
            sizes.append(len(data[0] if isinstance(data, tuple) else data))
            return {"loss": 0.0}

        def test_step(self, data):
            return {"loss": 0.0}

    model = Recording()
    model.compile(loss="mse", run_eagerly=True)
    if values["source"] == "dataset":
        model.fit(variables[values["dataset"] or "dataset"], epochs=values["epochs"], verbose=0)
        return sizes
    samples = values["samples"] if values["source"] == "numbers" else len(variables[values["x"] or "x"])
    model.fit(
        np.zeros((samples, 1)),
        np.zeros(samples),
        batch_size=values["batch_size"],
        validation_split=values["validation_split"],
        epochs=values["epochs"],
        verbose=0,
    )
    return sizes


def refuses_what_has_no_epochs(values, variables):
    import tensorflow as tf

    code = recipes.get("sample_batch_epoch").code(**values)
    pairs = tf.data.Dataset.from_tensors((tf.zeros(3), 0.0))
    for dataset, word in ((pairs.batch(1).repeat(), "endless"), (pairs, "single samples")):
        with pytest.raises(ValueError, match=word):
            exec(code, {**variables, values["dataset"]: dataset})  # noqa: S102
