"""``%%fit --backup`` in real kernels: one is killed in the midst of training, the next one goes on."""

from __future__ import annotations

import os
import signal
import time

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

CELL = """%%fit --backup {folder} --every 2
import keras, nbkeras, numpy as np, time
keras.utils.set_random_seed(3)
layers = keras.layers
model = keras.Sequential([layers.Dense(4), layers.Dropout(0.3), layers.Dense(1)], name="net")
model.compile("adam", "mse")
x = np.random.rand(64, 4).astype("float32")
pause = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep({pause}))
history = model.fit(x, x.sum(1), batch_size=8, epochs=4, callbacks=[pause])
"""
RESULT = "(history.history, [each.numpy().tolist() for each in model.variables + model.optimizer.variables])"


# What is killed wherever it is, bit for bit, is in tests/training/test_resuming*.py; this is the whole way.
@pytest.mark.costly
def test_a_kernel_that_was_killed(start_kernel, session_kernel, tmp_path):
    killed = start_kernel()
    killed.send(CELL.format(folder="b", pause=0.2))
    deadline = time.monotonic() + 60
    # More than a second into the second epoch: of the last second a killed kernel's log may lack something.
    while not (tmp_path / "b" / "backup-000007.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(killed.manager.provisioner.process.pid, signal.SIGKILL)
    kernel = session_kernel
    kernel.begin_anew(tmp_path)
    # The kernel may still hold runs of other tests.
    held = kernel.value("[run.id for run in __import__('nbkeras.runs.registry').runs.registry.live_runs()]")
    try:
        assert kernel.run(CELL.format(folder="b", pause=0))["status"] == "ok", kernel.text()
        resumed = kernel.value(RESULT)
        notes = kernel.value("nbkeras.runs.latest().notes")
        assert any(note.startswith("resumes at epoch 2, step ") for note in notes)
        runs = kernel.value(
            "[(run.status, run.epoch_numbers('loss'), [event.text for event in run.events])"
            f" for run in nbkeras.runs.all() if run.id not in {held}]"
        )
        assert runs == [("finished", [1, 2, 3, 4], ["resumed from a backup"])]
        assert any(note.startswith("arrays in an order of their own") for note in notes)
        # The same, and never killed, with the order of the data that the first backup drew.
        number = kernel.value(
            "__import__('nbkeras.callbacks.backup.store', fromlist=['Store'])"
            ".Store(__import__('pathlib').Path('b')).backups()[0].about['data_seed']"
        )
        whole = CELL.format(folder="w", pause=0) + "\n"
        prepared = f"import nbkeras.training.resuming as r; kept = r._seed; r._seed = lambda *_: {number}"
        assert kernel.run(prepared)["status"] == "ok"
        assert kernel.run(whole)["status"] == "ok", kernel.text()
        assert kernel.value(RESULT) == resumed
        assert kernel.run(CELL.format(folder="b", pause=0))["status"] == "error"
        assert "finished after 4 epochs" in kernel.text() + str(kernel.outputs("error"))
        assert kernel.run("%backup list b")["status"] == "ok"
        assert "finished" in kernel.text()
    finally:
        kernel.run("r._seed = kept; import tensorflow as tf; tf.random.set_seed(None)")
