"""Several MirroredStrategy objects in one process: each over other devices, one of them the user's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = sys.argv[1]
import numpy as np
import nbkeras
from nbkeras.devices import strategies
from nbkeras.devices.logical_cpus import logical_cpus

names = logical_cpus(4)
import tensorflow as tf

keras = tf.keras
x = np.random.default_rng(0).random((64, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)


def made():
    keras.utils.set_random_seed(3)
    layers = [keras.Input((4,)), keras.layers.Dense(8), keras.layers.BatchNormalization(synchronized=True)]
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def fit(model):
    with nbkeras.fitting(quiet=True):
        model.fit(x, y, batch_size=16, epochs=2, shuffle=False)
    return np.concatenate([each.ravel() for each in model.get_weights()])


def same(one, other):
    assert np.allclose(one, other, rtol=0, atol=2e-6), abs(one - other).max()


expected = made()
once, twice = fit(expected), fit(expected)

print(strategies.use("mirrored", names[:2]))
first = made()
same(fit(first), once)
print(strategies.use("mirrored", names))
same(fit(made()), once)
# Where the user comes back to: the same strategy again.
print(strategies.use("mirrored", names[:2]))
same(fit(first), twice)
print(strategies.use("none"))
with tf.distribute.MirroredStrategy(names[2:]).scope():
    third = made()
same(fit(third), once)
"""


@pytest.mark.parametrize(
    "legacy",
    [pytest.param("0", id="keras"), pytest.param("1", id="tf_keras", marks=pytest.mark.costly)],
)
def test_devices_change_within_a_kernel(tmp_path, legacy):
    # A process of its own: devices are divided before TensorFlow's first use of them.
    command = [sys.executable, "-c", SCRIPT, legacy]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line.partition(" replicas")[0] for line in done.stdout.splitlines()] == [
        "mirrored on CPU:0, CPU:1: 2",
        "mirrored on CPU:0, CPU:1, CPU:2, CPU:3: 4",
        "mirrored on CPU:0, CPU:1: 2",
        "no strategy: models train on TensorFlow's first device",
    ]
