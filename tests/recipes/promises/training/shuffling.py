"""Each epoch has all samples with their targets in a new order; a seed gives each run the same orders."""

import numpy as np

from nbkeras import recipes

_OWN = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

class Recording(keras.Model):
    def train_step(self, data):
        self.seen = [*getattr(self, "seen", []), *np.asarray(data[0])[:, 0]]
        return {"loss": 0.0}

keras.utils.set_random_seed(3)
inputs = np.arange(100.0)[:, None]
targets = inputs[:, 0] + 1
pairs = tf.data.Dataset.from_tensor_slices((inputs, targets))
batches = pairs.batch(10)
mine = Recording()
mine.compile(loss="mse", run_eagerly=True)
"""
OWN = [
    ({"model": "mine", "x": "inputs", "y": "targets", "epochs": 2}, _OWN),
    ({"model": "mine", "x": "batches", "batch_size": 7, "buffer": 50}, _OWN),
    ({"model": "mine", "x": "pairs", "batched": False, "seed": None}, _OWN),
]


def kept(values, variables, line):
    if values["model"]:
        # What fit really saw, although a seed was set for all of TensorFlow.
        orders = np.reshape(variables["mine"].seen, (values["epochs"], 100))
        original = np.arange(100.0)
    else:
        orders = [order(variables["batches"]) for _ in range(3)]
        original = variables["x"][:, 0]
    assert_shuffled(orders, original, values["buffer"])
    for inputs, targets in variables[made(values)]:
        assert len(inputs) <= values["batch_size"]
        x = np.asarray(inputs)
        np.testing.assert_array_equal(targets, x[:, 0] + 1 if values["model"] else x.sum(axis=1) > 0)

    first, second = (rerun(values, variables, line) for _ in range(2))
    assert np.array_equal(first, second) is (values["seed"] is not None)


def order(dataset):
    return np.concatenate([np.asarray(x)[:, 0] for x, _ in dataset])


def assert_shuffled(orders, original, buffer):
    places = {value: place for place, value in enumerate(original)}
    for each in orders:
        assert sorted(each) == sorted(original)
        assert not np.array_equal(each, original)
        # Nothing can come before it is in the buffer; most of the buffer's room is used.
        early = [places[value] - place for place, value in enumerate(each)]
        assert min(buffer, len(original)) / 2 < max(early) < buffer
    assert len({tuple(each) for each in orders}) == len(orders)


def rerun(values, variables, line):
    """Return the next order of a dataset that the code makes anew."""
    again = {**variables}
    exec(recipes.get("shuffling").code(line=line, **values), again)  # noqa: S102
    return order(again[made(values)])


def made(values):
    """Return the name of the dataset that the code makes."""
    return "batches_2" if values["x"] == "batches" else "batches"
