"""A program of its own: a test of rates on two logical CPUs, which stand for GPUs, moves nothing."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import tensorflow as tf

import nbkeras

X = np.random.default_rng(0).normal(size=(96, 6)).astype("float32")
Y = (X.sum(axis=1) > 0).astype("int32")


def trained(keras, *, looks: bool):
    keras.utils.set_random_seed(3)
    layers = keras.layers
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = keras.Sequential([layers.Input((6,)), layers.Dense(8), layers.BatchNormalization()])
        model.add(layers.Dense(2, activation="softmax"))
        model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, verbose=0, shuffle=False)
    if looks:
        assert len(nbkeras.lr_find(model, X, Y, steps=40).losses) > 20
    history = model.fit(X, Y, verbose=0, shuffle=False, epochs=2).history
    return history, [each.tobytes() for each in model.get_weights()]


if __name__ == "__main__":
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    tf.config.experimental.enable_op_determinism()
    module = importlib.import_module(sys.argv[1])
    assert trained(module, looks=False) == trained(module, looks=True)
    print("the same")  # noqa: T201 - the test reads it
