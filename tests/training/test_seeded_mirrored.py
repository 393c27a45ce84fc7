"""Seeded fits under `tf.distribute.MirroredStrategy`: the same bits again, as on one device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes.cases import PAIRWISE

# Each training on two devices is traced for seconds: the long list has its turn in `make grid`.
WAYS = ["arrays", "dataset", "noisy"] if PAIRWISE else ["arrays"]
ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib, json
import keras as keras_3, tf_keras
import numpy as np, tensorflow as tf
import nbkeras

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x = np.random.default_rng(0).random((32, 4)).astype("float32")
y = x.sum(axis=1)

def made():
    with strategy.scope():
        layers = [keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((4,)), *layers])
        model.compile("adam", "mse")
    return model

def bits(model, history):
    values = [*model.get_weights(), *(each.numpy() for each in model.optimizer.variables)]
    digest = hashlib.sha256(b"".join(np.asarray(value).tobytes() for value in values))
    return digest.hexdigest(), history.history["loss"]

def arrays():
    model = made()
    return bits(model, model.fit(x, y, batch_size=8, epochs=2, verbose=0))

def dataset():
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(32).batch(8)
    model = made()
    return bits(model, model.fit(data, epochs=2, verbose=0))

def noisy():
    data = tf.data.Dataset.from_tensor_slices((x, y)).map(lambda a, b: (a + tf.random.normal((4,)), b))
    model = made()
    return bits(model, model.fit(data.batch(8), epochs=2, verbose=0))

everything = {}
for keras in (keras_3, tf_keras):
    found = {}
    for train in (arrays, dataset, noisy)[:COUNT]:
        runs = []
        for _ in range(2):
            with nbkeras.fitting(seed=7, quiet=True) as session:
                runs.append(train())
        found[train.__name__] = {"same": runs[0] == runs[1], "bits": runs[0], "notes": session.run.notes}

    if COUNT == 1:
        everything[keras.__name__] = found
        continue

    def seeded():
        keras.utils.set_random_seed(1)
        return dataset()

    proof = nbkeras.reproducible(seeded)
    found["proof"] = {"same": proof.same, "text": repr(proof)}
    unseeded = nbkeras.reproducible(lambda: made().fit(x, y, verbose=0, shuffle=False).history)
    found["unseeded"] = {"same": unseeded.same, "cause": unseeded.cause}
    everything[keras.__name__] = found
print("found", json.dumps(everything))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    # A process of its own: devices are divided before TensorFlow's first use of them.
    command = [sys.executable, "-c", SCRIPT.replace("COUNT", str(len(WAYS)))]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        command,
        env=environment,
        cwd=tmp_path_factory.mktemp("mirrored"),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.partition("found ")[2])


@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_two_devices(found, line):
    found = found[line]
    for way in WAYS:
        assert found[way]["same"], (way, found[way])
    assert "arrays in an order of their own each epoch (seed 7), the same in each run, by --seed" in str(
        found["arrays"]["notes"]
    )
    if not PAIRWISE:
        return
    # Noise that repeats in each epoch is said where it can't be mended.
    assert "not mended by --seed" in str(found["noisy"]["notes"])
    assert found["proof"]["same"], found["proof"]["text"]
    assert "batches                           not seen: handed to several devices" in found["proof"]["text"]
    assert found["unseeded"]["same"] is False
    assert found["unseeded"]["cause"].startswith("unseeded weights: ")
