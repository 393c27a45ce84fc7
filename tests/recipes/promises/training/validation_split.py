"""Just those samples are held out: the last ones, a shuffled share, or the same share of each class."""

import math

import numpy as np
import pytest

from nbkeras import recipes
from nbkeras.recipes.notebook import Notebook

_OWN = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

# Three classes, a rare one among them, sorted and one-hot.
numbers = np.repeat([0, 1, 2], [100, 60, 10])
x_train = tf.constant(np.arange(170, dtype="float32")[:, None])
y_train = np.eye(3, dtype="float32")[numbers]
pairs = tf.data.Dataset.from_tensor_slices((x_train, y_train))
batches = pairs.batch(16)
y_tensor = tf.constant(y_train)
weights = np.arange(170) / 7
mine = keras.Sequential([keras.Input((1,)), keras.layers.Dense(3, activation="softmax")])
mine.compile(loss="categorical_crossentropy")
"""
OWN = [
    ({"model": "mine", "x": "x_train", "y": "y_train", "share": 0.3}, _OWN),
    ({"model": "mine", "x": "batches", "method": "shuffled", "seed": 7}, _OWN),
    ({"model": "mine", "x": "pairs", "method": "shuffled", "batched": False, "epochs": 1}, _OWN),
    ({"model": "mine", "x": "x_train", "y": "y_tensor", "method": "shuffled", "epochs": 1}, _OWN),
]


def kept(values, variables, line):
    if values["method"] == "stratified" and values["model"]:
        numbers_are_refused(variables)
    model = variables[values["model"] or "model"]
    x = np.asarray(variables["x_train" if values["model"] else "x"])
    y = np.asarray(variables["y_train" if values["model"] else "y"])
    samples, classes = len(x), y if y.ndim == 1 else y.argmax(axis=1)
    rows = {value: row for row, value in enumerate(x[:, 0])}
    if values["method"] == "last":
        start = math.floor(samples * (1 - values["share"]))
        assert_measured(model, x[start:], y[start:], variables)
        assert len(set(classes[start:])) == 1
    else:
        x_train, y_train, x_val, y_val = parts(values, variables)
        held, trained = ([rows[value] for value in part[:, 0]] for part in (x_val, x_train))
        assert sorted(held + trained) == list(range(samples))
        np.testing.assert_array_equal(y[held], y_val)
        np.testing.assert_array_equal(y[trained], y_train)
        assert abs(len(held) - samples * values["share"]) <= len(set(classes))
        check_shares(values, classes, np.bincount(classes[held].astype(int)))
        assert_measured(model, x_val, y_val, variables)
        code = recipes.get("validation_split").code(line=line, **values)
        again = {**variables}
        exec(code, again)  # noqa: S102
        np.testing.assert_array_equal(parts(values, again)[2], x_val)


def numbers_are_refused(variables):
    """Of numbers nothing would be held out, and fit would train without a word on all of them."""
    recipe = recipes.get("validation_split")
    wrong = {**recipe.defaults, "model": "mine", "x": "x_train", "y": "weights"}
    problems = recipe.problems(wrong, Notebook(variables))
    assert problems == {
        "method": "expected shuffled or last for weights, received stratified: it holds 170 different "
        "numbers and no classes"
    }
    few = {**wrong, "y": "y_train", "share": 0.001}
    assert recipe.problems(few, Notebook(variables)) == {}
    with pytest.raises(ValueError, match="No class is large enough"):
        exec(recipe.code(**few), {**variables})  # noqa: S102
    turned = {**wrong, "x": "batches", "y": "", "method": "shuffled", "batched": False}
    assert "batched" in recipe.problems(turned, Notebook(variables))


def assert_measured(model, x, y, variables):
    """These samples are what fit measured its val_loss on."""
    now = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(now["loss"], variables["history"].history["val_loss"][-1], rtol=1e-4)


def parts(values, variables):
    if values["method"] == "stratified":
        own = ("x_train_part", "y_train_part", "x_train_val", "y_train_val")
        return [
            variables[name] for name in (own if values["x"] else ("x_train", "y_train", "x_val", "y_val"))
        ]
    found = []
    own = (f"{values['x']}_train", f"{values['x']}_val")
    for name in own if values["model"] and not values["y"] else ("train", "validation"):
        found += [np.stack(part) for part in zip(*variables[name].as_numpy_iterator(), strict=True)]
    return found


def check_shares(values, classes, counts):
    totals = np.bincount(classes.astype(int))
    if values["method"] == "stratified":
        np.testing.assert_allclose(counts, totals * values["share"], atol=0.5)
    else:
        # By chance each of the large classes is there.
        assert all(counts[:2] > 0)
