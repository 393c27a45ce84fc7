"""The step trains as Keras's own does, and the loss and metrics that it logs are the true ones."""

import numpy as np

OWN = [
    (
        {"model": "mine", "x": "samples", "y": "targets", "noise": 0.0, "epochs": 1},
        """
import numpy as np
from tensorflow import keras
rng = np.random.default_rng(1)
samples, targets = rng.normal(size=(50, 4)).astype("float32"), rng.normal(size=(50, 1)).astype("float32")
layer = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))
mine = keras.Sequential([keras.Input((4,)), layer])
mine.compile(loss="mse", metrics=["mae"])
""",
    ),
]


def kept(values, variables, line):
    import tensorflow as tf
    from tensorflow import keras

    own = bool(values["model"])
    model = variables["custom_model" if own else "model"]
    x, y = variables["samples" if own else "x"], variables["targets" if own else "y"]
    history = variables["history"].history
    assert len(history["loss"]) == values["epochs"]
    assert set(history) == {"loss", "mae" if own else "accuracy"}
    assert not own or model.layers[-1] is variables["layer"]
    assert model.run_eagerly == values["eager"]

    loss, metric = ("mse", "mae") if own else ("binary_crossentropy", "accuracy")
    if values["noise"] == 0:
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss, metrics=[metric])
        said = model.fit(x, y, batch_size=30, verbose=0).history
        by_hand(x, y, said, model, own, model.predict(x, verbose=0))
    else:
        # The same noise by hand.
        tf.random.set_seed(4)
        noisy = x + tf.random.normal(x.shape, stddev=values["noise"]).numpy()
        y_pred = model.predict(noisy, verbose=0)
        model.reset_metrics()
        tf.random.set_seed(4)
        said = {name: [float(v)] for name, v in model.train_step((tf.constant(x), tf.constant(y))).items()}
        by_hand(noisy, y, said, model, own, y_pred)
    as_keras_does(values, model, x, y, loss, metric, keras)


def by_hand(x, y, said, model, own, y_pred):
    """Compare with NumPy's loss and metric."""
    if own:
        error = y_pred - y
        penalty = 0.1 * (model.layers[-1].get_weights()[0] ** 2).sum()
        expected = {"loss": (error**2).mean() + penalty, "mae": abs(error).mean()}
    else:
        p = y_pred[:, 0]
        entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        expected = {"loss": entropy.mean(), "accuracy": ((p > 0.5) == y).mean()}
    for name, value in expected.items():
        np.testing.assert_allclose(said[name][0], value, rtol=1e-4, err_msg=name)


def as_keras_does(values, model, x, y, loss, metric, keras):
    """Without noise, three steps end where those of a plain model end."""
    if values["noise"]:
        return
    twin = keras.models.clone_model(model)
    plain = keras.Model(twin.inputs[0], twin.outputs[0])
    assert type(plain).train_step is not type(model).train_step
    plain.set_weights(model.get_weights())
    ends = []
    for each in (model, plain):
        each.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, metrics=[metric])
        logs = each.fit(x, y, batch_size=len(x) // 3, shuffle=False, epochs=1, verbose=0).history
        ends.append((logs, each.get_weights()))
    for name, value in ends[1][0].items():
        np.testing.assert_allclose(ends[0][0][name], value, rtol=1e-5, err_msg=name)
    for mine, theirs in zip(ends[0][1], ends[1][1], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-7)
