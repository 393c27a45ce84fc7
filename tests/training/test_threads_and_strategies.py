"""Training in another thread, and on several devices at once."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

import nbkeras

MIRRORED = """
import keras, numpy as np, tensorflow as tf, tf_keras
import nbkeras

cpu, = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert strategy.num_replicas_in_sync == 2
x, y = np.random.default_rng(0).random((96, 4)).astype("float32"), np.arange(96) % 2
for keras in (keras, tf_keras):
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
        model.compile(keras.optimizers.SGD(0.125), "sparse_categorical_crossentropy", metrics=["accuracy"])
    with nbkeras.fitting(quiet=True) as session:
        history = model.fit(x, y, epochs=2, validation_data=(x, y))
    run = session.run
    assert run.history == history.history, (run.history, history.history)
    assert (run.status, run.progress.done) == ("finished", 6)
    assert abs(run.progress.learning_rate - 0.125) < 1e-6
    print("done", keras.__name__, sorted(run.metrics))
"""


@pytest.mark.costly
def test_mirrored_on_two_devices(tmp_path):
    # A process of its own: devices are divided before TensorFlow's first use of them.
    command = [sys.executable, "-c", MIRRORED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    for line in ("keras", "tf_keras"):
        assert f"done {line} ['accuracy', 'loss', 'val_accuracy', 'val_loss']" in done.stdout


def test_fit_in_a_thread(model, data):
    results = []

    def train():
        with nbkeras.fitting(quiet=True) as session:
            results.extend([model.fit(*data, epochs=2), session.run])

    thread = threading.Thread(target=train)
    thread.start()
    thread.join(timeout=60)
    history, run = results
    assert run.status == "finished"
    assert run.history == history.history


def test_fit_in_a_thread_is_stopped_from_the_main_one(keras, model, data):
    from nbkeras.callbacks.monitor import monitor_class

    began = threading.Event()
    monitor = monitor_class(keras.__name__)(view=False)
    told = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: began.set())
    results = []
    thread = threading.Thread(
        target=lambda: results.append(
            model.fit(*data, epochs=10**6, verbose=0, callbacks=[told, monitor]),
        ),
    )
    thread.start()
    assert began.wait(timeout=60)
    monitor.run.control.stop("stop button")
    thread.join(timeout=60)
    assert monitor.run.status == "stopped"
    assert len(results[0].history["loss"]) >= 1
