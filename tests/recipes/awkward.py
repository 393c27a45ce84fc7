"""A notebook's namespace full of what a recipe may stumble over, and code run in it."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import warnings

SETUP = """
import numpy as np
import tensorflow as tf
from tensorflow import keras

rng = np.random.default_rng(1)
inputs = rng.normal(size=(64, 8)).astype("float32")
kinds = (inputs.sum(axis=1) > 0).astype("float32")
classes = rng.integers(0, 3, 64)
numbers = rng.normal(size=(64, 2)).astype("float32")
whole = rng.integers(0, 255, size=(64, 8)).astype("uint8")
tensor, tensor_kinds = tf.constant(inputs), tf.constant(kinds)
one_row, one_kind = inputs[:1], kinds[:1]
few = kinds[:50]
flat = np.arange(64.0)
batches = tf.data.Dataset.from_tensor_slices((inputs, kinds)).batch(16)
full = batches.unbatch().batch(16, drop_remainder=True).apply(tf.data.experimental.assert_cardinality(4))
endless = batches.repeat()
samples = tf.data.Dataset.from_tensor_slices((inputs, kinds))
bare = tf.data.Dataset.from_tensor_slices(inputs).batch(16)


def my_loss(y, y_pred):
    return tf.reduce_mean((tf.reshape(tf.cast(y, y_pred.dtype), (-1, 1)) - y_pred) ** 2)


def my_metric(y, y_pred):
    return tf.reduce_mean(tf.abs(tf.cast(y_pred, "float32")))


class MyLoss(keras.losses.Loss):
    def call(self, y, y_pred):
        return tf.reduce_mean((tf.reshape(tf.cast(y, y_pred.dtype), (-1, 1)) - y_pred) ** 2, axis=-1)


def weighted(by):
    def focal(y, y_pred):
        return by * my_loss(y, y_pred)

    return focal


focal_2 = weighted(2.0)


def dense(outputs, activation, kind=keras.Sequential, **settings):
    model = kind(
        [
            keras.Input((8,)),
            keras.layers.Dense(4, activation="relu", name="hidden"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dropout(0.2, name="drop"),
            keras.layers.Dense(outputs, activation=activation, name="out"),
        ]
    )
    model.compile(**{"optimizer": "adam", **settings})
    return model


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.layers.Dense(4)
        self.last = keras.layers.Dense(1, activation="sigmoid")

    def call(self, inputs, training=False):
        return self.last(self.inner(inputs))


class Functional(keras.Model):
    pass


function_loss = dense(1, "sigmoid", loss=my_loss, metrics=[my_metric])
class_loss = dense(1, "sigmoid", loss=MyLoss())
closure = dense(1, "sigmoid", loss=focal_2)
hidden_closure = dense(1, "sigmoid", loss=weighted(3.0))
lambda_metric = dense(1, "sigmoid", loss="mse", metrics=[lambda y, y_pred: tf.reduce_mean(y_pred)])
ordinary = dense(1, "sigmoid", loss="binary_crossentropy", metrics=["accuracy"])
three = dense(3, "softmax", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
subclass = Subclass()
subclass.compile("adam", "binary_crossentropy")
subclass(inputs)
raw = Subclass()
raw.compile("adam", "binary_crossentropy")
unbuilt = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
unbuilt.compile("adam", "binary_crossentropy")
left, right = keras.Input((8,)), keras.Input((8,))
joined = keras.layers.Dense(1, name="joined")(keras.layers.add([left, right]))
two_inputs = keras.Model([left, right], joined)
two_inputs.compile("adam", "mse")
start = keras.Input((8,))
grown = Functional(start, keras.layers.Dense(1, name="grown")(start))
grown.compile("adam", "mse")
"""


def namespace():
    """Return the variables, made anew."""
    variables = {"__name__": "__main__"}
    exec(compile(SETUP, "<setup>", "exec"), variables)  # noqa: S102 - what a notebook's cell does
    return variables


def run(code, variables):
    """Run code in a folder of its own, printing nothing."""
    home = os.getcwd()  # noqa: PTH109
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        os.chdir(folder)
        try:
            exec(compile(code, "<recipe>", "exec"), variables)  # noqa: S102
        finally:
            os.chdir(home)
            # What a recipe sets for the whole process is not to reach other tests.
            for line in {"keras", "tf_keras"} & set(sys.modules):
                sys.modules[line].mixed_precision.set_global_policy("float32")
