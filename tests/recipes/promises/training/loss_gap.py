"""The parts of the gap are what they are said to be, and measuring them leaves the model as it was."""

import numpy as np

_OWN = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

rng = np.random.default_rng(1)
inputs, targets = rng.normal(size=(100, 4)).astype("float32"), rng.normal(size=(100, 1))
held = tf.data.Dataset.from_tensor_slices((inputs[:30], targets[:30])).batch(30)
weighted = tf.data.Dataset.from_tensor_slices((inputs, targets, np.ones(100, "float32"))).batch(32)
still = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activity_regularizer="l2")])
still.add(keras.layers.Dense(1))
still.compile(keras.optimizers.SGD(0.0), "mse")
moving = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
moving.compile("adam", "mse")
"""
OWN = [
    ({"model": "still", "x": "inputs", "y": "targets", "epochs": 1}, _OWN),
    ({"model": "moving", "x": "weighted", "validation": "held", "epochs": 2}, _OWN),
    ({"model": "moving", "x": "inputs", "y": "targets", "validation": "held", "epochs": 1}, _OWN),
]


def kept(values, variables, line):
    model = variables[values["model"] or "model"]
    train = variables["weighted" if values["x"] == "weighted" else "train_batches"]
    held = variables[values["validation"] or "validation_batches"]
    running, mode, others = variables["gap"].values()
    reported, val_loss = variables["reported"], variables["val_loss"]
    np.testing.assert_allclose(running + mode + others, reported - val_loss, rtol=1e-5)
    # evaluate measures the weights of the epoch's end in test mode, penalties included.
    np.testing.assert_allclose(model.evaluate(train, verbose=0), val_loss + others, rtol=1e-4)
    np.testing.assert_allclose(model.evaluate(held, verbose=0), val_loss, rtol=1e-4)

    if values["model"] == "still":
        # It learns nothing and has no mode: only the samples differ.
        np.testing.assert_allclose([running, mode], 0, atol=1e-5)
        # The penalty on activities is divided by the size of the batch.
        activity = 0.01 * np.sum(np.square(model.layers[0](variables["inputs"][:80]))) / 80
        np.testing.assert_allclose(variables["penalties"], activity, rtol=1e-4)
    elif values["model"] == "moving":
        assert abs(mode) > 1e-4
    else:
        kernel = model.layers[0].get_weights()[0]
        np.testing.assert_allclose(variables["penalties"], values["penalty"] * np.sum(kernel**2), rtol=1e-4)
        # Weights get better within an epoch; one pass with dropout tells of that with noise.
        assert running > (-0.05 if values["dropout"] else 0)
        assert mode > 1e-3 if values["dropout"] else abs(mode) < 1e-5
