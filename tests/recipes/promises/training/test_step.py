"""What evaluate says is the true loss of the averaged predictions, the layers' own losses included."""

import numpy as np

OWN = [
    (
        {"model": "mine", "x": "data", "copies": 1},
        """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
x, y = rng.normal(size=(50, 4)).astype("float32"), rng.normal(size=(50, 1)).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(20)
layer = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))
mine = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization(), layer])
mine.compile(loss="mse", metrics=["mae"])
""",
    ),
]


def allowed(values):
    return values["copies"] > 1 or values["noise"] == 0.05


def kept(values, variables, line):
    import tensorflow as tf

    own = bool(values["model"])
    model, results = variables["custom_model" if own else "model"], variables["results"]
    x, y = (variables["x"], variables["y"]) if own else (variables["x"][400:], variables["y"][400:])
    weights = model.get_weights()
    if values["copies"] == 1:
        y_pred = model.predict(x, verbose=0)
    else:
        # One batch, the same noise by hand.
        shape = x.shape
        tf.random.set_seed(6)
        noises = [tf.random.normal(shape, stddev=values["noise"]).numpy() for _ in range(values["copies"])]
        y_pred = np.mean([model.predict(x + noise, verbose=0) for noise in noises], axis=0)
        # With other noise, evaluate said nearly the same.
        said = results
        model.reset_metrics()
        tf.random.set_seed(6)
        results = model.test_step((tf.constant(x), tf.constant(y)))
        np.testing.assert_allclose(said["loss"], float(results["loss"]), rtol=0.1)
    expected = by_hand(own, model, y, y_pred)
    assert set(results) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(float(results[name]), value, rtol=1e-4, err_msg=name)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def by_hand(own, model, y, y_pred):
    if own:
        penalty = 0.1 * (model.layers[-1].get_weights()[0] ** 2).sum()
        return {"loss": ((y_pred - y) ** 2).mean() + penalty, "mae": abs(y_pred - y).mean()}
    p = y_pred[:, 0]
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    penalty = 0.01 * (model.layers[1].get_weights()[0] ** 2).sum()
    return {"loss": entropy + penalty, "accuracy": ((p > 0.5) == y).mean()}
