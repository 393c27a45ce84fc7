"""``%lr_find`` and ``%batch_size_find`` in a real kernel: what a front end receives, and an interrupt."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.kernel, pytest.mark.costly]

SETUP = """
import keras, nbkeras, numpy as np
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(128, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)], name="line")
model.compile(keras.optimizers.SGD(0.5), "mse")
before = [each.copy() for each in model.get_weights()]
same = lambda: all((a == b).all() for a, b in zip(before, model.get_weights()))
"""
VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def kernel(shared_kernel):
    assert shared_kernel.run(SETUP)["status"] == "ok", shared_kernel.text()
    return shared_kernel


def test_a_view_with_buttons_and_what_stays_in_the_file(kernel):
    assert kernel.run("%lr_find model x y --start 1e-4")["status"] == "ok"
    (shown,) = kernel.outputs("display_data")
    assert {VIEW, "text/html", "text/plain"} <= set(shown["data"])
    assert "suggested: valley" in shown["data"]["text/plain"]
    assert kernel.value("(same(), float(model.optimizer.learning_rate))") == (True, 0.5)


def test_an_interrupt_keeps_what_there_is(kernel):
    slow = """
import time
class Model(keras.Model):
    def train_step(self, data):
        print("step", flush=True)
        time.sleep(0.05)
        return super().train_step(data)
model = Model(model.inputs, model.outputs, name="slow")
model.compile(keras.optimizers.SGD(0.5), "mse", run_eagerly=True)
"""
    assert kernel.run(slow)["status"] == "ok"
    cell = kernel.send("found = nbkeras.lr_find(model, x, y)")
    kernel.until_printed("step")
    kernel.interrupt()
    assert kernel.wait(cell)["status"] == "ok", kernel.text()
    assert kernel.value("(found.why, same(), len(found.losses) < 100)") == ("it was interrupted", True, True)


def test_batch_sizes_are_a_table_and_their_process_ends_with_an_interrupt(kernel):
    assert kernel.run("%batch_size_find model x y --smallest 64 --max-time 90s", 120)["status"] == "ok"
    (shown,) = kernel.outputs("display_data")
    assert "all fit, up to 128" in shown["data"]["text/plain"]
    assert '<img src="data:image/svg+xml;base64,' in shown["data"]["text/html"]
    cell = kernel.send("found = nbkeras.batch_size_find(model, x, y)")
    kernel.until_printed("batch size 8", 90)
    kernel.interrupt()
    assert kernel.wait(cell)["status"] == "ok", kernel.text()
    assert kernel.value("found.why") == "it was interrupted"
    # No process of its own is left.
    assert kernel.run("import os, subprocess; ps = ['ps', '--ppid', str(os.getpid()), '-o', 'args=']")
    left = kernel.value("subprocess.run(ps, capture_output=True, text=True).stdout")
    assert "batch_sizes" not in left
    assert kernel.value("same()") is True
