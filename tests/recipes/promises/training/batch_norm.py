"""Kept statistics do not move by a bit while the rest trains; renewed ones are those that NumPy computes."""

import numpy as np

from tests.recipes.watched import end, watch

SETUP = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
samples, targets = rng.normal(3, 2, size=(50, 4)).astype("float32"), rng.normal(size=(50, 1))
data = tf.data.Dataset.from_tensor_slices((samples, targets)).batch(20)
inside = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(momentum=0.9)])
mine = keras.Sequential([keras.Input((4,)), inside, keras.layers.Dense(1)])
mine.compile(loss="mse", metrics=["mae"])
"""

OWN = [
    ({"model": "mine", "x": "data", "epochs": 2, "learning_rate": 1e-3}, SETUP),
    ({"model": "mine", "x": "data", "epochs": 2, "statistics": "renew"}, SETUP),
]


def before(values, variables):
    return watch(variables, (values["model"] or "model",))


def kept(values, variables, line):
    end()
    model, (norm,) = variables[values["model"] or "model"], variables["norms"]
    if values["statistics"] == "renew":
        renewed(values, variables, model, norm)
        return
    seen = variables["before"][-1]
    np.testing.assert_allclose(float(seen.optimizer.learning_rate), values["learning_rate"], rtol=1e-6)
    still = {id(weight) for weight in norm.weights}
    assert len(still) == 4
    for weight in model.weights:
        assert np.array_equal(seen.value(weight), weight.numpy()) == (id(weight) in still), weight
    assert not seen.given & still
    x = variables["samples" if values["model"] else "x"]
    np.testing.assert_array_equal(model(x, training=True), model(x, training=False))
    # What it does is to normalize by its own statistics.
    scale, offset, mean, variance = norm.get_weights()
    z = np.random.default_rng(0).normal(size=(5, len(mean))).astype("float32")
    by_hand = (z - mean) / np.sqrt(variance + norm.epsilon) * scale + offset
    np.testing.assert_allclose(norm(z, training=True), by_hand, rtol=1e-4, atol=1e-5)
    assert len(variables["history"].history["loss"]) == values["epochs"]


def renewed(values, variables, model, norm):
    assert len(variables["before"]) == (0 if values["model"] else 1)
    if not values["model"]:
        # Where they began is what the first training left: far from the new data.
        deep = model.get_layer("base").get_layer("dense")(variables["x"]).numpy()
        mean = norm.get_weights()[2]
        assert (abs(mean - deep.mean(axis=0)) < abs(deep.mean(axis=0))).all()
        assert (mean > 0.03).all()
        return
    mean, variance = np.zeros(4), np.ones(4)
    for _ in range(values["epochs"]):
        for start in range(0, 50, 20):
            batch = variables["samples"][start : start + 20]
            mean = 0.9 * mean + 0.1 * batch.mean(axis=0)
            variance = 0.9 * variance + 0.1 * batch.var(axis=0)
    np.testing.assert_allclose(norm.get_weights()[2], mean, rtol=1e-4)
    np.testing.assert_allclose(norm.get_weights()[3], variance, rtol=1e-4)
    for weight, start in zip(norm.get_weights()[:2], (1, 0), strict=True):
        np.testing.assert_array_equal(weight, start)
