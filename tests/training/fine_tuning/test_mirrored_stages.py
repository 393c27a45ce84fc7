"""Stages of a fine-tuning on two replicas: as on one device, with a rate for each depth."""

from __future__ import annotations

import subprocess
import sys

import pytest

TRAINING = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = sys.argv[1]
import numpy as np, tensorflow as tf
import nbkeras
from nbkeras.devices.logical_cpus import logical_cpus
logical_cpus(2)
keras = tf.keras
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
data = tf.data.Dataset.from_tensor_slices((x, x[:, :1])).batch(8)
stages = [
    nbkeras.Stage("head", epochs=2),
    nbkeras.Stage("mid", epochs=1),
    nbkeras.Stage("all", epochs=2, learning_rate=1e-2, depth_factor=0.1),
]

def tuned(strategy, **options):
    with strategy.scope():
        keras.utils.set_random_seed(1)
        low = [keras.layers.Dense(3, name="low"), keras.layers.Dense(3, name="mid")]
        base = keras.Sequential([keras.Input((4,)), *low], name="base")
        model = keras.Sequential([keras.Input((4,)), base, keras.layers.Dense(1, name="head")])
        model.compile(keras.optimizers.Adam(0.05), "mse")
    before = model.get_weights()
    plan = nbkeras.fine_tuning_plan(model, data, stages=stages, estimate=True)
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    result = nbkeras.fine_tune(model, data, stages=stages, quiet=True, **options)
    weights = np.concatenate([each.ravel() for each in model.get_weights()])
    result.undo()
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    return result.plan.caching, weights

once, one = tuned(tf.distribute.get_strategy())
_, plain = tuned(tf.distribute.get_strategy(), cache=False)
why, two = tuned(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
assert "computed once" in once, once
assert "received a model of several replicas" in why, why
assert np.abs(one - plain).max() < 1e-6, (one, plain)
assert np.abs(one - two).max() < 1e-5, (one, two)
print("done")
"""


@pytest.mark.slow
@pytest.mark.costly
@pytest.mark.parametrize("legacy", ["0", "1"])
def test_two_replicas_learn_in_stages_as_one_device(tmp_path, legacy):
    # A process of its own: devices are divided before TensorFlow's first use of them.
    command = [sys.executable, "-c", TRAINING, legacy]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith("done\n")
