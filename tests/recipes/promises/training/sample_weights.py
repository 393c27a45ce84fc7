"""Loss, weighted metric and gradient are those that NumPy computes with the weights."""

import numpy as np

SETUP = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
x, y = rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 2, 50).astype("float32")
w = rng.uniform(0, 5, 50).astype("float32")
triples = tf.data.Dataset.from_tensor_slices((x, y, w)).batch(20)
mine = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
mine.compile(loss="binary_crossentropy", weighted_metrics=["accuracy"])
"""

OWN = [
    ({"model": "mine", "x": "x", "y": "y", "weights": "w", "epochs": 2}, SETUP),
    ({"model": "mine", "x": "x", "y": "y", "weights": "w", "way": "train_step"}, SETUP),
    ({"model": "mine", "x": "triples", "way": "train_step"}, SETUP),
]


def kept(values, variables, line):
    from tensorflow import keras

    model = variables["model" if not values["model"] else "mine"]
    if values["model"] and values["way"] == "train_step":
        model = variables["custom_model"]
    x, y = variables["x"], variables["y"]
    w = variables["w" if values["model"] else "weights"]
    assert len(variables["history"].history["loss"]) == values["epochs"]
    if not values["model"]:
        np.testing.assert_array_equal(w, np.where(y == 1, values["weight"], 1))
    assert (type(model).train_step is keras.Model.train_step) == (values["way"] == "fit")

    # A step that moves nothing logs the loss of the model as it is.
    options = {"loss": "binary_crossentropy", "weighted_metrics": ["accuracy"]}
    model.compile(optimizer=keras.optimizers.SGD(0.0), **options)
    said = model.fit(x, y, sample_weight=w, batch_size=30, verbose=0).history
    p = model.predict(x, verbose=0)[:, 0]
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    np.testing.assert_allclose(said["loss"][0], (w * entropy).sum() / len(y), rtol=1e-4)
    right = (p > 0.5) == y
    (name,) = set(said) - {"loss"}
    np.testing.assert_allclose(said[name][0], (w * right).sum() / w.sum(), rtol=1e-4)

    # And one that moves goes down the weighted gradient: that of the output's bias is a mean of w (p - y).
    model.compile(optimizer=keras.optimizers.SGD(0.5), **options)
    bias = model.get_weights()[-1][0]
    model.fit(x, y, sample_weight=w, batch_size=len(y), verbose=0)
    moved = bias - 0.5 * (w * (p - y)).mean()
    np.testing.assert_allclose(model.get_weights()[-1][0], moved, rtol=1e-4, atol=1e-6)
