"""Frozen weights stay bit for bit what they were; the loss that the loop says is that of all samples."""

import numpy as np

from tests.recipes.watched import end, inner, watch

BODY = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
samples, kinds = rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 3, 50)
data = tf.data.Dataset.from_tensor_slices((samples, {targets})).batch(16)
body = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="deep")], name="body")
last = keras.layers.Dense(3, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.1))
mine = keras.Sequential([keras.Input((4,)), body, last])
"""
SCORES = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
samples, kinds = rng.normal(size=(50, 4)).astype("float32"), rng.integers(0, 2, (50, 1))
weights = rng.random(50).astype("float32")
data = tf.data.Dataset.from_tensor_slices((samples, kinds, weights)).batch(16)
scores = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="deep"), keras.layers.Dense(1)])
"""
OF_MINE = {"model": "mine", "x": "data", "frozen": ("body/deep",)}
BY_NUMBER = {**OF_MINE, "loss": "SparseCategoricalCrossentropy", "outputs": "probabilities"}
ONE_HOT = {**OF_MINE, "loss": "CategoricalCrossentropy", "learning_rate": 0.01, "fine_rate": 1e-4}
OWN = [
    (BY_NUMBER, BODY.format(targets="kinds")),
    ({**ONE_HOT, "epochs": 2, "fine_epochs": 1}, BODY.format(targets="np.eye(3)[kinds]")),
    ({"model": "scores", "x": "data", "frozen": ("deep",), "outputs": "logits"}, SCORES),
]


def before(values, variables):
    return watch(variables, (values["model"] or "model",))


def kept(values, variables, line):
    end()
    from tensorflow import keras

    model, stages = variables[values["model"] or "model"], variables["before"]
    assert len(stages) == 1 + values["fine_tune"]
    first = stages[0]
    np.testing.assert_allclose(float(first.optimizer.learning_rate), values["learning_rate"], rtol=1e-6)
    then = stages[1].value if values["fine_tune"] else lambda weight: weight.numpy()
    held = {id(w) for path in values["frozen"] for w in inner(model, path).weights}
    for weight in model.weights:
        assert np.array_equal(first.value(weight), then(weight)) == (id(weight) in held), weight
    assert not first.given & held
    assert len(variables["losses"]) == values["epochs"]
    if values["fine_tune"]:
        second = stages[1]
        layers = [inner(model, path) for path in values["frozen"]]
        layers += [deep for layer in layers for deep in getattr(layer, "layers", ())]
        norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
        still = {id(w) for norm in norms for w in norm.weights if values["batch_norm"]}
        for weight in model.weights:
            same = np.array_equal(second.value(weight), weight.numpy())
            assert same == (id(weight) in still), weight
        assert len(variables["fine_losses"]) == values["fine_epochs"]
    the_loss_is_the_mean(values, variables, model, keras)


def the_loss_is_the_mean(values, variables, model, keras):
    """With all frozen but a rate of 0, the loop's loss is that of the model as it is."""
    for layer in model.layers:
        layer.trainable = bool(layer is model.layers[-1])
    (said,) = variables["train"](keras.optimizers.SGD(0.0), 1)
    if values["model"] == "scores":
        z, y = model.predict(variables["samples"], verbose=0), variables["kinds"]
        by_hand = (variables["weights"][:, None] * (np.log1p(np.exp(z)) - y * z)).mean()
    elif values["model"]:
        rows = np.arange(50), variables["kinds"]
        by_hand = -np.log(model.predict(variables["samples"], verbose=0)[rows]).mean()
        by_hand += 0.1 * (model.layers[-1].get_weights()[0] ** 2).sum()
    else:
        seen, y = model.predict(variables["x"], verbose=0)[:, 0], variables["y"]
        if values["loss"] == "MeanSquaredError":
            by_hand = ((seen - y) ** 2).mean()
        else:
            by_hand = -(y * np.log(seen) + (1 - y) * np.log(1 - seen)).mean()
    np.testing.assert_allclose(said, by_hand, rtol=1e-4)
