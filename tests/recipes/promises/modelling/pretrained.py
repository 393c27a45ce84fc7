"""The base has just the weights it was given, gets its own kind of inputs, and stays as it is if frozen."""

import os
import sys

import numpy as np

from nbkeras import recipes
from nbkeras.recipes.notebook import Notebook

SETUP = """
import numpy as np
from tensorflow import keras
images = np.random.default_rng(2).integers(0, 256, size=(12, 32, 32, 3)).astype("uint8")
labels = np.arange(12) % 3
made = keras.applications.{kind}(include_top=False, weights=None, input_shape=(32, 32, 3))
rng = np.random.default_rng(3)
# Kernels of zero mean: a deep model would make infinities of others.
noise = [rng.uniform(0, 0.01, w.shape) * (w.ndim == 1) for w in made.get_weights()]
made.set_weights([w + n.astype("float32") for w, n in zip(made.get_weights(), noise)])
made.save_weights("made.weights.h5")
wanted = made.get_weights()
"""
# Tensors are arrays, too; the file lies in the home directory.
TENSORS = """
import os
import tensorflow as tf
home, os.environ["HOME"] = os.environ["HOME"], os.getcwd()
images, labels = tf.constant(images), tf.constant(labels)
"""
MINE = {
    "x": "images",
    "y": "labels",
    "classes": 3,
    "weights": "file",
    "weights_file": "made.weights.h5",
    "epochs": 2,
    "learning_rate": 0.01,
}
SCALING_INSIDE = {"MobileNetV3Small", "EfficientNetV2B0"}

OWN = [
    (
        {**MINE, "architecture": "MobileNetV2", "weights_file": "~/made.weights.h5"},
        SETUP.format(kind="MobileNetV2") + TENSORS,
    )
]


def allowed(values):
    """Big models: each once is enough, one with random weights and the others with those of a file."""
    return (values["architecture"] == "MobileNetV2") == (values["weights"] == "none")


def before(values, variables):
    """ImageNet's weights are not here: what would download them gives others, of the same kind."""
    if values["weights"] != "imagenet":
        return None
    from tensorflow import keras

    exec(SETUP.format(kind=values["architecture"]), variables)  # noqa: S102
    module = sys.modules[getattr(keras.applications, values["architecture"]).__module__]
    helper = getattr(module, "file_utils", None) or module.data_utils
    asked, plain = [], helper.get_file

    def get_file(name, origin, *arguments, **options):
        asked.append(origin)
        helper.get_file = plain
        return "made.weights.h5"

    helper.get_file = get_file
    return asked


def refused(values, variables):
    notebook, recipe = Notebook(variables), recipes.get("pretrained")
    assert recipe.problems({**values, "classes": 2}, notebook) == {
        "classes": "expected 3 or more, as labels has them; received 2"
    }
    others = Notebook({**variables, "grey": np.zeros((12, 32, 32)), "few": np.zeros(5, int)})
    assert "shape (number, 32, 32, 3)" in recipe.problems({**values, "x": "grey"}, others)["x"]
    assert recipe.problems({**values, "y": "few"}, others)["y"].startswith("expected 12 rows")


def kept(values, variables, line):
    base, model, head = variables["base"], variables["model"], variables["head"]
    images = np.asarray(variables[values["x"] or "x"])
    if values["x"]:
        os.environ["HOME"] = variables["home"]
        refused({**values, "weights": "none"}, variables)
    assert images.dtype.kind in "iu"
    assert images.max() > 200
    x = images[:4].astype("float32")
    assert len(variables["history"].history["loss"]) == values["epochs"]
    assert model.output_shape == (None, values["classes"])
    assert not base.trainable_weights
    rate = float(head.optimizer.learning_rate.numpy())
    np.testing.assert_allclose(rate, values["learning_rate"], rtol=1e-6)
    if values["weights"] == "imagenet":
        (origin,) = variables["before"]
        assert "notop" in origin.replace("_", "")
    if values["weights"] != "none":
        for have, want in zip(base.get_weights(), variables["wanted"], strict=True):
            np.testing.assert_array_equal(have, want)

    scaled = by_hand(values["architecture"], x)
    features = np.asarray(base(scaled, training=False))
    assert np.isfinite(features).all()
    # Random weights let little through: near is near by the features' own size.
    near = 1e-3 * abs(features).max()
    np.testing.assert_allclose(variables["features"][:4], features, atol=near)
    np.testing.assert_allclose(variables["preprocess"](x.copy()), scaled, atol=1e-5)
    kernel, bias = head.get_weights()
    logits = features @ kernel + bias
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(x, training=False)), expected, rtol=1e-2, atol=1e-4)
    if values["architecture"] != "MobileNetV2":
        it_is_saved_whole(model, x, line, values["architecture"])
    inside = {type(layer).__name__ for layer in base.layers}
    assert ("Rescaling" in inside) == (values["architecture"] in SCALING_INSIDE)
    # The trap that the code goes round: floats are written into.
    floats = x.copy()
    variables["preprocess"](floats)
    assert np.array_equal(floats, x) == (values["architecture"] in SCALING_INSIDE)


def it_is_saved_whole(model, x, line, architecture):
    """Save all in one in either format, where Keras can: the .h5 of Keras 3 (3.15) takes layers alone.

    None turns colours round, and Keras's own MobileNetV3 is made of operations, too.
    """
    from tensorflow import keras

    before = np.asarray(model(x, training=False))
    by_operations = line == "keras" and architecture in {"ResNet50", "MobileNetV3Small"}
    for name in ["whole.keras"] if by_operations else ["whole.keras", "whole.h5"]:
        model.save(name)
        again = keras.models.load_model(name, compile=False)
        np.testing.assert_allclose(np.asarray(again(x, training=False)), before, rtol=1e-4, atol=1e-6)


def by_hand(architecture, x):
    """Return colours from 0 to 255 as a model was trained on them, red, green, blue."""
    if architecture in SCALING_INSIDE:
        return x
    if architecture == "MobileNetV2":
        return x / 127.5 - 1
    if architecture == "DenseNet121":
        return (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert architecture == "ResNet50"
    return x[..., ::-1] - [103.939, 116.779, 123.68]
