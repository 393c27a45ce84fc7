"""Calling and predicting give the same; predict goes in batches; gradients flow through a call only."""

import numpy as np

_OWN = """
import tensorflow as tf
from tensorflow import keras

class Recording(keras.Model):
    def __init__(self):
        super().__init__()
        self.sizes = []
        self.dense = keras.layers.Dense(2, activation="tanh")

    def call(self, x, training=False):
        if x.shape[0] is not None:
            self.sizes.append(int(x.shape[0]))
        return 2 * self.dense(x) if training else self.dense(x)

inputs = tf.random.normal((25, 3))
mine = Recording()
mine.compile(run_eagerly=True)
"""
OWN = [
    ({"model": "mine", "x": "inputs", "batch_size": 10}, _OWN),
    ({"model": "mine", "x": "inputs", "need": "few", "samples": 3}, _OWN),
    ({"model": "mine", "x": "inputs", "need": "gradient", "samples": 4}, _OWN),
]


def kept(values, variables, line):
    model = variables[values["model"] or "model"]
    x = np.asarray(variables[values["x"] or "x"])
    outputs = variables["outputs"]
    if values["need"] == "many":
        assert isinstance(outputs, np.ndarray)
        np.testing.assert_allclose(outputs, model(x, training=False), rtol=1e-4, atol=1e-5)
        assert not values["model"] or model.sizes[-4:-1] == [10, 10, 5]
        return
    few = x[: values["samples"]]
    assert not isinstance(outputs, np.ndarray)
    np.testing.assert_allclose(outputs, model.predict(few, verbose=0), rtol=1e-4, atol=1e-5)
    if values["need"] == "gradient":
        assert_slopes(model, few, np.asarray(variables["gradient"]))


def assert_slopes(model, x, gradient):
    """Compare with what a small step of one input at a time does to the outputs."""
    assert np.abs(gradient).max() > 0
    for place in range(x.shape[1]):
        step = np.zeros(x.shape[1], "float32")
        step[place] = 1e-2
        rise = model.predict(x + step, verbose=0) - model.predict(x - step, verbose=0)
        np.testing.assert_allclose(gradient[:, place], rise.sum(axis=1) / 2e-2, atol=1e-2)
