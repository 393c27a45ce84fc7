"""Fits with --pad on logical CPUs against those of one device: run by `test_padding.py` in its own process.

Its argument is the number of logical CPUs.
"""

from __future__ import annotations

import sys

import numpy as np
import tensorflow as tf

import nbkeras
from nbkeras.devices.logical_cpus import logical_cpus
from nbkeras.devices.strategies import strategy_of
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code

COUNT = int(sys.argv[1])
logical_cpus(COUNT)
keras = tf.keras
layers = keras.layers
rng = np.random.default_rng(0)
SAMPLES = 69
x = rng.random((SAMPLES, 6)).astype("float32")
y = (x.sum(axis=1, keepdims=True) > 3).astype("float32")
weights = rng.random(SAMPLES).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, y, weights))


def dense(**compiled):
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(5, "tanh", kernel_regularizer="l2"),
            layers.Dense(1, "sigmoid"),
        ]
    )
    metrics = ["accuracy", keras.metrics.AUC(name="auc"), keras.metrics.Precision(name="precision")]
    model.compile("adam", "binary_crossentropy", metrics=metrics, weighted_metrics=["mse"], **compiled)
    return model


def still():
    """Return a model that learns nothing: its losses are those of all samples, in any order."""
    model = dense()
    model.optimizer.learning_rate.assign(0.0)
    return model


def normalised():
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Reshape((6, 1)),
            layers.Conv1D(4, 3),
            layers.BatchNormalization(synchronized=True),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def by_name():
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    joined = layers.Concatenate()([left, right])
    outputs = {"a": layers.Dense(1, name="a")(joined), "b": layers.Dense(1, name="b")(joined)}
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"], "b": ["mse"]})
    return model


class Own(keras.Model):
    """A model with a step of its own around Keras's."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        return super().train_step(data)


def own():
    model = Own()
    model.compile("sgd", "mse", metrics=["mae"])
    return model


named = {"left": x[:, :3], "right": x[:, 3:]}
CASES = {
    "arrays": (dense, lambda m: m.fit(x, y, sample_weight=weights, batch_size=32, shuffle=False, epochs=2)),
    "a part of them": (dense, lambda m: m.fit(x, y, 32, 2, validation_split=0.23, shuffle=False)),
    "weights of classes": (
        dense,
        lambda m: m.fit(x, y, batch_size=32, shuffle=False, class_weight={0: 1.0, 1: 3.0}),
    ),
    "in an order of their own": (still, lambda m: m.fit(x, y, batch_size=32, epochs=3)),
    "fewer than a batch": (dense, lambda m: m.fit(x[:3], y[:3], epochs=3, shuffle=False)),
    "a dataset": (dense, lambda m: m.fit(data.batch(32).map(lambda *b: b).cache().prefetch(2), epochs=2)),
    "of unknown size": (
        dense,
        lambda m: m.fit(
            data.filter(lambda *_: True).batch(32).apply(tf.data.experimental.assert_cardinality(3)), epochs=2
        ),
    ),
    "an uneven batch size": (dense, lambda m: m.fit(data.batch(33), epochs=2)),
    "normalised": (normalised, lambda m: m.fit(x, y, batch_size=32, shuffle=False, epochs=2)),
    "by name": (by_name, lambda m: m.fit(named, {"a": y, "b": -y}, batch_size=32, shuffle=False, epochs=2)),
    "a step of one's own": (own, lambda m: m.fit(x, y, batch_size=32, shuffle=False, epochs=2)),
}


def trained(name, strategy):
    made, fit = CASES[name]
    with nbkeras.fitting(quiet=True, strategy=strategy, pad=strategy == "mirrored") as session:
        keras.utils.set_random_seed(3)
        model = made()
        history = fit(model).history
    return model.get_weights(), history, session.run


for name in CASES:
    expected, history, _ = trained(name, "none")
    found, told, run = trained(name, "mirrored")
    assert any(f"whole to each of the {COUNT} replicas, and counts once" in each for each in run.notes), (
        run.notes
    )
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6, err_msg=name)
    assert told.keys() == history.keys()
    for metric, values in history.items():
        np.testing.assert_allclose(told[metric], values, rtol=0, atol=1e-6, err_msg=f"{name} {metric}")

# The plain code comes to the same, for arrays, where the order of shuffled ones is another, and for datasets.
for made, cell in (
    ("still()", "model.fit(x, y, batch_size=32, epochs=2, verbose=0)"),
    ("dense()", "model.fit(batches, epochs=2, verbose=0)"),
    ("dense()", "model.fit(x, y, 32, 2, sample_weight=weights, shuffle=False, verbose=0)"),
    ("dense()", "model.fit(x, y, 32, 2, 0, validation_split=0.23, shuffle=False)"),
    ("by_name()", "model.fit(named, {'a': y, 'b': -y}, batch_size=32, shuffle=False, verbose=0)"),
):
    body = f"keras.utils.set_random_seed(3)\nmodel = {made}\nlosses = {cell}.history"
    space, ours = ({**globals(), "batches": data.batch(32)} for _ in "ab")
    with nbkeras.fitting(quiet=True, strategy="mirrored", pad=True):
        exec(body, ours)  # noqa: S102 - a cell
    code = plain_code(body, fit_options(strategy="mirrored", pad=True), space)
    assert "nbkeras" not in code, code
    # Two strategies of one process number their collectives alike, and TensorFlow 2.21 takes one's for the
    # other's: "Shape mismatch in the collective instance".
    space["held"] = strategy_of("mirrored").strategy
    code = code.replace("tf.distribute.MirroredStrategy()", "held")
    assert "set_strategy(held)" in code
    exec(code, space)  # noqa: S102 - the very code that is printed
    tf.distribute.experimental_set_strategy(None)
    for mine, theirs in zip(space["model"].get_weights(), ours["model"].get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6, err_msg=code)
    for metric, values in ours["losses"].items():
        np.testing.assert_allclose(space["losses"][metric], values, rtol=0, atol=1e-6, err_msg=metric)
