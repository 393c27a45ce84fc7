"""Frozen weights stay bit for bit what they were, the others move; the second stage has a new optimizer."""

import numpy as np

from tests.recipes.watched import end, inner, watch

RATES = {"learning_rate": 0.01, "epochs": 2, "fine_rate": 1e-4, "fine_epochs": 1}
OWN = [
    (
        {"model": "mine", "x": "data", "validation": "held_out", "frozen": ("body/deep", "first"), **RATES},
        """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
images, kinds = rng.normal(size=(64, 4)).astype("float32"), rng.integers(0, 3, 64)
data = held_out = tf.data.Dataset.from_tensor_slices((images, kinds)).batch(16)
inside = keras.Input((4,))
middle = keras.layers.Dense(4, name="deep")(inside)
middle = keras.layers.BatchNormalization(name="norm")(middle)
body = keras.Model(inside, middle, name="body")
inputs = keras.Input((4,))
outputs = keras.layers.Dense(3, name="last")(body(keras.layers.Dense(4, name="first")(inputs)))
mine = keras.Model(inputs, outputs)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
mine.compile(optimizer="adam", loss=loss, metrics=["sparse_categorical_accuracy"])
mine.fit(data, verbose=0)
""",
    ),
]


def before(values, variables):
    return watch(variables, (values["model"] or "model",))


def kept(values, variables, line):
    end()
    from tensorflow import keras

    model, stages = variables[values["model"] or "model"], variables["before"]
    assert len(stages) == 1 + values["fine_tune"]
    first = stages[0]
    then = stages[1].value if values["fine_tune"] else lambda weight: weight.numpy()
    np.testing.assert_allclose(float(first.optimizer.learning_rate), values["learning_rate"], rtol=1e-6)
    held = {id(w) for path in values["frozen"] for w in inner(model, path).weights}
    for weight in model.weights:
        same = np.array_equal(first.value(weight), then(weight))
        assert same == (id(weight) in held), weight
    history = variables["history"]
    metric = "sparse_categorical_accuracy" if values["model"] else "accuracy"
    assert len(history.history[f"val_{metric}"]) == values["epochs"]
    if not values["fine_tune"]:
        return
    second = stages[1]
    np.testing.assert_allclose(float(second.optimizer.learning_rate), values["fine_rate"], rtol=1e-6)
    still = set()
    for path in values["frozen"]:
        chosen = inner(model, path)
        for layer in (chosen, *getattr(chosen, "layers", ())):
            if isinstance(layer, keras.layers.BatchNormalization) and values["batch_norm"]:
                still |= {id(w) for w in layer.weights}
    for weight in model.weights:
        assert np.array_equal(second.value(weight), weight.numpy()) == (id(weight) in still), weight
    assert len(variables["fine_tuning"].history["loss"]) == values["fine_epochs"]
