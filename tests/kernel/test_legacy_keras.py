"""The legacy Keras line in a real kernel, for notebooks that set ``TF_USE_LEGACY_KERAS``."""

from __future__ import annotations

import uuid

import pytest

pytestmark = pytest.mark.kernel

MIME = "application/vnd.nbkeras.monitor+json"

MODEL = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import nbkeras, numpy as np, tensorflow as tf
x = np.random.default_rng(0).random((640, 8)).astype("float32")
y = (x.sum(axis=1) > 4).astype("int32")
model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(2, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""


@pytest.fixture(scope="module")
def kernel(start_module_kernel):
    kernel = start_module_kernel()
    # The magics are there before the line is chosen, as in a notebook's first cell.
    assert kernel.run(MODEL)["status"] == "ok"
    return kernel


def test_cell_magic_monitors_the_legacy_line(kernel):
    assert kernel.run("%%fit --epochs 2\nhistory = model.fit(x, y, validation_split=0.2)")["status"] == "ok"
    (shown,) = kernel.outputs("display_data")
    assert MIME in shown["data"]
    assert [sorted(u["data"]) for u in kernel.outputs("update_display_data")] == [["text/html", "text/plain"]]
    assert kernel.value("type(model).__mro__[-3].__module__.split('.')[0]") == "tf_keras"
    assert kernel.value("nbkeras.runs.latest().history == history.history")
    assert kernel.value("len(history.history['val_accuracy'])") == 2


def test_keras_3_is_not_loaded_for_it(kernel):
    assert kernel.value("'keras' in __import__('sys').modules") is False


def test_whole_notebook(kernel):
    kernel.run("%nbkeras on")
    kernel.run("model.fit(x, y); values = model.evaluate(x, y); rows = model.predict(x)")
    assert len(kernel.outputs("display_data")) == 3
    assert kernel.value("[run.kind for run in nbkeras.runs.all()][-3:]") == ["fit", "evaluate", "predict"]
    assert kernel.value("rows.shape") == (640, 2)
    kernel.run("%nbkeras off")
    kernel.run("history = model.fit(x, y, verbose=0)")
    assert kernel.outputs("display_data") == []


def test_code_is_written_for_it(kernel):
    kernel.run("%%fit --epochs 2 --early-stopping 3 --code\nhistory = model.fit(x, y)")
    assert "import tf_keras as keras\n" in kernel.text()
    assert "keras.callbacks.EarlyStopping(" in kernel.text()


def test_mixed_precision_of_it(kernel):
    kernel.run("%mixed_precision on float16 --code")
    assert kernel.text().startswith("import tf_keras as keras\n")
    assert kernel.run("%mixed_precision on float16")["status"] == "ok"
    assert kernel.value("tf.keras.mixed_precision.global_policy().name") == "mixed_float16"
    kernel.run("%mixed_precision off")
    assert kernel.value("tf.keras.mixed_precision.global_policy().name") == "float32"
    own = MODEL.replace('"softmax")', '"softmax", dtype="float32")').replace(
        "tf.keras.Input((8,)),", "tf.keras.Input((8,)), tf.keras.layers.Dense(8),"
    )
    assert kernel.run(f"%%fit --quiet --mixed-precision float16\n{own}\nmodel.fit(x, y)")["status"] == "ok"
    assert kernel.value("type(model.optimizer).__name__") == "LossScaleOptimizerV3"
    assert kernel.value("[n for n in nbkeras.runs.latest().notes if 'NBK' in n]") == []
    assert kernel.value("tf.keras.mixed_precision.global_policy().name") == "float32"
    assert kernel.run("exec(" + repr(MODEL) + ")")["status"] == "ok"


def test_monitor_is_a_callback_of_it(kernel):
    kernel.run("monitor = nbkeras.Monitor(name='own')\nmodel.fit(x, y, verbose=0, callbacks=[monitor])")
    assert kernel.value("(isinstance(monitor, tf.keras.callbacks.Callback), monitor.run.status)") == (
        True,
        "finished",
    )


def test_stop_button_and_learning_rate(kernel):
    kernel.messages.clear()
    cell = kernel.send(
        "%%fit\nhistory = model.fit(x, y, batch_size=8, epochs=10**6)\nprint('the rest of the cell runs')"
    )
    shown = kernel.until(lambda message: message["msg_type"] == "display_data")
    run = shown["content"]["data"][MIME]["run"]
    subshell, comm_id = kernel.subshell(), uuid.uuid4().hex
    content = {"comm_id": comm_id, "target_name": "nbkeras.control", "data": {"run": run}}
    kernel.comm("comm_open", content, subshell)
    for data in ({"type": "learning_rate", "value": 0.25}, {"type": "stop"}):
        kernel.comm("comm_msg", {"comm_id": comm_id, "data": {"run": run, **data}}, subshell)
    assert kernel.wait(cell)["status"] == "ok"
    assert "the rest of the cell runs" in kernel.text()
    assert kernel.value("(nbkeras.runs.latest().status, nbkeras.runs.latest().reason)") == (
        "stopped",
        "stop button",
    )
    assert kernel.value("float(model.optimizer.learning_rate.numpy())") == 0.25
    assert kernel.value("'loss' in history.history")


STEPS = """
line = tf.keras.Sequential([tf.keras.Input((1,)), tf.keras.layers.Dense(1, use_bias=False)])
line.compile(optimizer=tf.keras.optimizers.SGD(0.1), loss="mse")
line.set_weights([np.ones((1, 1))])
points, zeros = np.array([[1.0], [2.0]], "float32"), np.zeros((2, 1), "float32")
"""
TRAIN_STEP = """%%train_step line --data points,zeros
with tf.GradientTape() as tape:
    y_pred = self(x, training=True)
    loss = self.compiled_loss(y, y_pred, sample_weight)
gradients = tape.gradient(loss, self.trainable_weights)
self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
self.compiled_metrics.update_state(y, y_pred, sample_weight)
return {m.name: m.result() for m in self.metrics}
"""


def test_a_step_of_keras_2_is_taken_as_it_is_and_trains(kernel):
    assert kernel.run(STEPS)["status"] == "ok"
    assert kernel.run(TRAIN_STEP)["status"] == "ok", kernel.text()
    said = kernel.text()
    assert said.startswith("line is now a CustomStep with this train_step")
    assert "ok    the weights move and the metrics are as with Keras's own step" in said
    assert kernel.run("%%fit\nhistory = line.fit(points, zeros, epochs=2, verbose=0)")["status"] == "ok"
    # By hand: (1 + 4) / 2; the gradient is 5, and half the weight gives a quarter of the loss.
    assert kernel.value("history.history['loss']") == pytest.approx([2.5, 0.625])
    assert kernel.value("nbkeras.runs.latest().status") == "finished"


def test_a_ready_body_and_an_evaluation_step(kernel):
    assert kernel.run(STEPS)["status"] == "ok"
    assert kernel.run("%train_step line --body accumulate --data points,zeros")["status"] == "ok", (
        kernel.text()
    )
    kernel.run("history = line.fit(points, zeros, verbose=0)")
    assert kernel.value("(history.history['loss'], line.get_weights()[0].item())") == (
        pytest.approx([2.5]),
        pytest.approx(0.5),
    )
    cell = "%%test_step line --data points,zeros\nreturn {'doubled': 2 * tf.reduce_mean(self(x))}"
    assert kernel.run(cell)["status"] == "ok", kernel.text()
    kernel.run("results = line.evaluate(points, zeros, return_dict=True, verbose=0)")
    assert kernel.value("results['doubled']") == pytest.approx(1.5)
