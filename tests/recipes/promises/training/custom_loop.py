"""The loop trains as fit does, and says the true losses; tracked, it is the same loop."""

import numpy as np

# Logits, and weights of the samples: told by the model's end, and by what the dataset yields.
SCORES = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
x, y = rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 3, 50)
weights = rng.random(50).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, y, weights)).batch(20)
later = tf.data.Dataset.from_tensor_slices((x[::-1] + 1, y, weights)).batch(20)
scores = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
few, kinds = x[:3], y[:3]
"""
# Probabilities, a penalty, and targets by number or one-hot.
MINE = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
x, y = rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 3, 50)
targets = {targets}
data = tf.data.Dataset.from_tensor_slices((x, targets)).batch(20)
later = tf.data.Dataset.from_tensor_slices((x[::-1] + 1, targets)).batch(20)
mine = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax", kernel_regularizer="l2")])
"""
OF_MINE = {"model": "mine", "x": "data", "validation": "later"}
BY_NUMBER = {"model": "scores", "loss": "SparseCategoricalCrossentropy"}
OWN = [
    ({**BY_NUMBER, "x": "data", "validation": "later", "outputs": "logits"}, SCORES),
    ({**BY_NUMBER, "x": "x", "y": "y", "validation": "later"}, SCORES),
    ({**BY_NUMBER, "x": "few", "y": "kinds", "epochs": 2}, SCORES),
    (
        {**OF_MINE, "loss": "SparseCategoricalCrossentropy", "outputs": "probabilities"},
        MINE.format(targets="y"),
    ),
    (
        {**OF_MINE, "loss": "CategoricalCrossentropy", "learning_rate": 0.01},
        MINE.format(targets="np.eye(3)[y]"),
    ),
]


def costly(values):
    return values["outputs"] == "probabilities" or values["learning_rate"] == 0.01


def kept(values, variables, line):
    model, history = variables[values["model"] or "model"], variables["history"]
    assert len(history) == values["epochs"]
    if values["model"] == "scores":
        takes_all_there_is(values, variables, line, model)
        return
    assert history[-1]["loss"] < history[0]["loss"]
    own = bool(values["model"])
    x, y = variables["x"], variables["y"]
    held_out = (x[::-1] + 1, y) if own else (x[410:], y[410:])
    # The last epoch's validation is about the model as it is.
    said = history[-1]
    np.testing.assert_allclose(said["val_loss"], by_hand(values, model, *held_out), rtol=1e-4)

    if own:
        as_fit_does(values, variables, line, model)
        tracked(values, variables, line, model, held_out)
    else:
        assert {*said} == {
            "loss",
            "val_loss",
            "error" if values["loss"] == "MeanSquaredError" else "accuracy",
        }


def takes_all_there_is(values, variables, line, model):
    """Logits, weights and the dataset for validation count; of three samples one is held out."""
    from tensorflow import keras

    if values["x"] == "data":
        as_fit_does(values, variables, line, model)
        return
    model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    held_out = (variables["few"][2:], variables["kinds"][2:])
    expected = model.evaluate(*((variables["later"],) if values["validation"] else held_out), verbose=0)
    np.testing.assert_allclose(variables["history"][-1]["val_loss"], expected, rtol=1e-4)
    rows = sum(len(batch[1]) for batch in variables["train"])
    assert rows == (2 if values["x"] == "few" else 50)
    assert variables["history"][-1]["loss"] < variables["history"][0]["loss"]


def as_fit_does(values, variables, line, model):
    """From the same weights, the same batches in the same order end at the weights at which fit ends."""
    from tensorflow import keras

    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    loss = getattr(keras.losses, values["loss"])(from_logits=values["model"] == "scores")
    rate = values["learning_rate"]
    twin.compile(optimizer=keras.optimizers.Adam(rate), loss=loss, metrics=["accuracy"])
    fitted = twin.fit(variables["data"], validation_data=variables["later"], epochs=5, verbose=0).history
    again = dict(variables)
    exec(compile(code_of(values, line, variables, magics=False), "<again>", "exec"), again)  # noqa: S102
    for name, series in fitted.items():
        if name != "val_accuracy":
            np.testing.assert_allclose([logs[name] for logs in again["history"]], series, rtol=1e-4)
    for mine, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-3, atol=1e-6)


def by_hand(values, model, x, y):
    p = model.predict(x, verbose=0)
    if values["model"]:
        penalty = 0.01 * (model.layers[-1].get_weights()[0] ** 2).sum()
        return -np.log(p[np.arange(len(y)), y]).mean() + penalty
    p = p[:, 0]
    if values["loss"] == "MeanSquaredError":
        return ((p - y) ** 2).mean()
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def code_of(values, line, variables, *, magics):
    from nbkeras import recipes
    from nbkeras.recipes.notebook import Notebook

    return recipes.get("custom_loop").code(line=line, magics=magics, notebook=Notebook(variables), **values)


def tracked(values, variables, line, model, held_out):
    """With nbkeras.track it is the same loop, and a run has the metrics and the validation."""
    exec(compile(code_of(values, line, variables, magics=True), "<tracked>", "exec"), variables)  # noqa: S102
    run = variables["epoch"]._owner.run
    assert run.status == "finished"
    assert set(run.history) == {"loss", "accuracy", "val_loss"}
    assert len(run.history["loss"]) == values["epochs"]
    np.testing.assert_allclose(run.history["val_loss"][-1], by_hand(values, model, *held_out), rtol=1e-4)
