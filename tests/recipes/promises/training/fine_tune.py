"""Each stage trains the head and what it says of the base, no more, with an optimizer of its own."""

import numpy as np

from nbkeras.recipes.stages import stages_of
from tests.recipes.watched import end, watch

NORMS = {"block1_norm", "block2_norm", "norm"}
# What of each base a stage trains beside its normalization.
THAWED = {
    "digits": {"head": set(), "block2": {"block2_conv"}, "all": {"block1_conv", "block2_conv"}},
    "net": {"head": set(), "deep": {"deep"}, "1 block": {"deep"}, "all": {"low", "deep"}},
}
OWN_MODEL = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
layers, rows = rng.normal(size=(40, 4)).astype("float32"), rng.integers(0, 3, 40)
base = tf.data.Dataset.from_tensor_slices((layers, rows)).batch(10)


def penalty(y, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y, y_pred, from_logits=True)


inputs = keras.Input((4,))
outputs = keras.layers.Dense(4, name="low")(inputs)
outputs = keras.layers.BatchNormalization(name="norm")(outputs)
outputs = keras.layers.Dense(4, activation="tanh", name="deep")(outputs)
outputs = keras.layers.Dense(3, name="last")(outputs)
stages = keras.Model(inputs, outputs, name="net")
stages.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss=penalty)
stages.fit(layers, rows, verbose=0)
"""
# The notebook calls its things as the code does its own.
OF_ARRAYS = {"model": "stages", "x": "layers", "y": "rows", "base": "deep", "batch_size": 8}
OF_DATASET = {"model": "stages", "x": "base", "validation": "base", "base": "deep"}
TWO = {"stages": "head:1:0.01, deep:1:0.001, all:2:0.0001"}
OWN = [
    ({**OF_ARRAYS, **TWO}, OWN_MODEL),
    ({**OF_ARRAYS, **TWO, "way": "fit"}, OWN_MODEL),
    ({**OF_ARRAYS, "way": "loop", "stages": "1 block:2:0.01"}, OWN_MODEL),
    ({**OF_DATASET, "stages": "head:1, all:1:0.01::2", "backup": "saved"}, OWN_MODEL),
    ({**OF_DATASET, "stages": "head:1, all:1:0.01::2", "way": "fit", "augmentation": "noise"}, OWN_MODEL),
]


def costly(values):
    return True


def before(values, variables):
    return watch(variables, (values["model"] or "model",))


def kept(values, variables, line):
    end()
    model = variables[values["model"] or "model"]
    stages = stages_of(values["stages"])
    # The model of the old task has an optimizer, too.
    began = [each for each in variables["before"] if each.weights]
    assert len(began) == len(stages)
    assert len({id(each.optimizer) for each in began}) == len(stages)
    for number, (stage, one) in enumerate(zip(stages, began, strict=True)):
        if stage.learning_rate is not None:
            np.testing.assert_allclose(float(one.optimizer.learning_rate), stage.learning_rate, rtol=1e-6)
        then = began[number + 1].value if number + 1 < len(began) else lambda weight: weight.numpy()
        thawed = THAWED[model.name][stage.unfreeze] | {"head", "last"}
        for layer in leaves(model):
            trains = layer.name in thawed or (
                layer.name in NORMS and normalizes(values, model, layer, thawed)
            )
            moved = [not np.array_equal(one.value(weight), then(weight)) for weight in layer.weights]
            assert any(moved) == trains, (stage, layer.name)
            assert trains or not one.given & {id(weight) for weight in layer.weights}
    told(values, variables, stages)


def normalizes(values, model, layer, thawed):
    """Tell whether a normalization trains: with the layer before it, where it is not to be kept."""
    first = {"block1_norm": "block1_conv", "block2_norm": "block2_conv", "norm": "low"}[layer.name]
    return not values["batch_norm"] and first in thawed


def told(values, variables, stages):
    epochs = sum(each.epochs for each in stages)
    if values["way"] == "nbkeras":
        result = variables["result"]
        assert len(result.history["val_loss"]) == epochs
        assert len(result.histories) == len(stages)
        result.undo()
    elif values["way"] == "fit":
        assert variables["epoch"] == epochs
        assert "val_loss" in variables["history"].history


def leaves(model):
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from leaves(layer)
        else:
            yield layer
