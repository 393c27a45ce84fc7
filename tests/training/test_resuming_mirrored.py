"""A training on two devices is cut in the midst of an epoch, and goes on with what each device had."""

from __future__ import annotations

import subprocess
import sys

import pytest

TRAINING = """
import warnings
warnings.simplefilter("ignore")
import keras, numpy as np, tensorflow as tf, tf_keras
import nbkeras

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.config.experimental.enable_op_determinism()
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
x = np.random.default_rng(0).random((40, 3)).astype("float32")
y = x.sum(1, keepdims=True)


def train(keras, *callbacks):
    keras.utils.set_random_seed(1)
    with strategy.scope():
        layers = [keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
        model = keras.Sequential([keras.layers.Input((3,)), *layers])
        model.compile("adam", "mse", metrics=["mae"])
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(40, seed=2).batch(8)
    history = model.fit(data, epochs=3, verbose=0, callbacks=list(callbacks))
    return {key: [value.hex() for value in values] for key, values in history.history.items()}, [
        each.tolist() for each in model.get_weights()
    ]


for line in (keras, tf_keras):
    class Leaving(line.callbacks.Callback):
        left = 9

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

    expected = train(line)
    backup = lambda: nbkeras.ExactBackup(line.__name__, every=4)
    try:
        train(line, backup(), Leaving())
    except KeyboardInterrupt:
        pass
    assert train(line, backup()) == expected, line.__name__
    print("done", line.__name__)
"""


@pytest.mark.slow
@pytest.mark.costly
@pytest.mark.timeout(300)
def test_a_mirrored_training_goes_on(tmp_path):
    # A process of its own: devices are divided before TensorFlow's first use of them.
    command = [sys.executable, "-c", TRAINING]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("resumes at epoch 2, step 3") == 2
    assert "done tf_keras" in done.stdout
