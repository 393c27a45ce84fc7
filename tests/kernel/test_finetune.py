"""``%finetune`` in a real kernel: one monitor for all stages, the stop button, and the way back."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel

SETUP = """
import keras, numpy as np, tensorflow as tf
x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
epochs = []

def batches():
    epochs.append(len(epochs))
    if len(epochs) == 4:
        print("the second stage is under way", flush=True)
    for _ in range(3):
        yield x, y

signature = (tf.TensorSpec((None, 4)), tf.TensorSpec((None, 1)))
data = tf.data.Dataset.from_generator(batches, output_signature=signature)
base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="low")], name="base")
model = keras.Sequential([keras.Input((4,)), base, keras.layers.Dense(1, name="head")], name="net")
model.compile("sgd", "mse")
"""
WEIGHTS = "[each.tolist() for each in model.get_weights()]"


def test_the_stop_button_ends_all_stages_and_undo_brings_the_model_back(shared_kernel):
    kernel = shared_kernel
    assert kernel.run(SETUP)["status"] == "ok", kernel.text()
    before = kernel.value(WEIGHTS)
    kernel.messages.clear()
    line = "tuned = %finetune model data --stages head:2,all:100000,head:5 --rates 1e-3"
    cell = kernel.send(f"{line}\nprint('the rest of the cell runs')")
    kernel.until_printed("the second stage is under way")
    kernel.interrupt()
    assert kernel.wait(cell)["status"] == "ok", kernel.text()
    assert "the rest of the cell runs" in kernel.text()
    assert kernel.value("(tuned.run.status, len(tuned.histories))") == ("stopped", 2)
    marks = kernel.value("[each.text.split(':')[0] for each in tuned.run.events]")
    assert marks == ["stage 1 of 3", "stage 2 of 3", "stopping"]
    # The plan first, then one monitor, which ends as a picture with the marks.
    plan, monitor = kernel.outputs("display_data")
    assert "head and all of base" in plan["data"]["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in monitor["data"]
    (ended,) = kernel.outputs("update_display_data")
    assert ended["transient"] == monitor["transient"]
    assert "stage 2 of 3: head and all of base" in ended["data"]["text/html"]
    assert kernel.value(WEIGHTS) != before
    kernel.run("%finetune model --undo")
    assert "as before the fine-tuning" in kernel.text()
    assert kernel.value(WEIGHTS) == before
    assert kernel.run("%finetune model --undo")["ename"] == "UsageError"
