"""``%%train_step`` and ``%%test_step`` in a real kernel."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.kernel

SETUP = """
import nbkeras, numpy as np, tensorflow as tf
from tensorflow import keras
x = np.array([[1.0], [2.0]], "float32")
y = np.zeros((2, 1), "float32")

def made():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
    model.set_weights([np.ones((1, 1))])
    return model

model = made()
"""
BODY = """
with tf.GradientTape() as tape:
    y_pred = self(x, training=True)
    loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)
gradients = tape.gradient(loss, self.trainable_weights)
self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
self.metrics[0].update_state(loss, sample_weight=tf.shape(x)[0])
return {"loss": loss}
"""
OLD = BODY.replace(
    "self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)", "self.compiled_loss(y, y_pred)"
).replace(
    'self.metrics[0].update_state(loss, sample_weight=tf.shape(x)[0])\nreturn {"loss": loss}',
    "self.compiled_metrics.update_state(y, y_pred)\nreturn {m.name: m.result() for m in self.metrics}",
)


@pytest.fixture(scope="module")
def module_kernel(shared_kernel):
    assert shared_kernel.run(SETUP)["status"] == "ok"
    return shared_kernel


@pytest.fixture
def kernel(module_kernel):
    assert module_kernel.run("model = made()")["status"] == "ok"
    return module_kernel


def error_line(kernel, cell):
    reply = kernel.run(cell)
    assert reply["ename"] == "UsageError"
    return kernel.text().strip().splitlines()[-1].removeprefix("UsageError: ")


def test_fit_trains_with_the_step_and_is_monitored(kernel):
    assert kernel.run(f"%%train_step model{BODY}")["status"] == "ok"
    said = kernel.text()
    assert said.startswith("model is now a CustomStep with this train_step, tried on a batch of x, y ")
    assert "ok    the weights move and the metrics are as with Keras's own step" in said
    cell = "%%fit --early-stopping loss:2\nhistory = model.fit(x, y, epochs=2, verbose=0)"
    assert kernel.run(cell)["status"] == "ok"
    assert kernel.value("history.history['loss']") == pytest.approx([2.5, 0.625])
    assert kernel.value("nbkeras.runs.latest().status") == "finished"


def test_a_cell_that_runs_again_replaces_the_step(kernel):
    for factor in (1, 3):
        body = BODY.replace("update_state(loss,", f"update_state(loss * {factor},")
        assert kernel.run(f"%%train_step model --name Scaled{body}")["status"] == "ok"
    assert kernel.value("[c.__name__ for c in type(model).__mro__[:2]]") == ["Scaled", "Sequential"]
    kernel.run("history = model.fit(x, y, verbose=0)")
    assert kernel.value("history.history['loss']") == pytest.approx([7.5])
    assert kernel.run("%train_step model --off")["status"] == "ok"
    assert kernel.value("type(model) is keras.Sequential")


def test_an_error_shows_the_cells_own_line_and_leaves_the_model(kernel):
    reply = kernel.run("%%train_step model\nvalue = 1\n\nvalue / 0\nreturn {}")
    assert reply["ename"] == "ZeroDivisionError"
    assert "----> 4 value / 0" in strip_colours("\n".join(reply["traceback"]))
    assert kernel.value("type(model) is keras.Sequential")


def test_an_error_in_fit_shows_the_steps_cell(kernel):
    body = "if seen:\n    raise KeyError('here')\nreturn super().train_step(data)"
    kernel.run("seen = []")
    assert kernel.run(f"%%train_step model\n{body}")["status"] == "ok"
    reply = kernel.run("seen.append(1)\nmodel.fit(x, y, verbose=0)")
    assert reply["ename"] == "KeyError"
    assert "raise KeyError('here')" in strip_colours("\n".join(reply["traceback"]))


def strip_colours(text):
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_an_old_step_is_explained_and_rewritten(kernel):
    line = error_line(kernel, f"%%train_step model{OLD}")
    assert line.endswith("add  --fix  (fix=True)")
    said = kernel.text()
    assert "a mean of the predictions" in said
    assert "loss = self.compute_loss(x=x, y=y, y_pred=y_pred)" in said
    assert kernel.value("type(model) is keras.Sequential")
    assert kernel.run(f"%%train_step model --fix{OLD}")["status"] == "ok"
    kernel.run("history = model.fit(x, y, verbose=0)")
    assert kernel.value("history.history['loss']") == pytest.approx([2.5])


def test_a_ready_body_is_used_or_put_into_a_cell(kernel):
    reply = kernel.run("%train_step model --body clip --insert")
    (put,) = (each for each in reply["payload"] if each["source"] == "set_next_input")
    assert put["text"].startswith("%%train_step model\n# Shortens")
    assert kernel.value("type(model) is keras.Sequential")
    assert kernel.run(put["text"])["status"] == "ok"
    assert kernel.run("model = made()\n%train_step model --body clip")["status"] == "ok"
    kernel.run("history = model.fit(x, y, verbose=0)")
    assert kernel.value("history.history['gradient_length']") == pytest.approx([5.0])


def test_code_is_plain_keras_that_does_the_same(kernel, tmp_path):
    kernel.run(f"%%train_step model --code --name Written{BODY}")
    code = kernel.text()
    assert "nbkeras" not in code
    assert kernel.value("type(model) is keras.Sequential")
    assert kernel.run(code)["status"] == "ok"
    kernel.run("history = model.fit(x, y, verbose=0)")
    assert kernel.value("(type(model).__name__, history.history['loss'])") == ("Written", [2.5])
    kernel.run("model.save('written.keras'); again = keras.models.load_model('written.keras')")
    assert kernel.value("type(again) is type(model)")
    kernel.run("del again")


def test_a_test_step_joins_the_train_step(kernel):
    assert kernel.run(f"%%train_step model{BODY}")["status"] == "ok"
    cell = '%%test_step model --data "x, y"\nreturn {"total": tf.reduce_sum(self(x, training=False))}'
    assert kernel.run(cell)["status"] == "ok"
    kernel.run("history = model.fit(x, y, validation_data=(x, y), verbose=0)")
    # After the step, w is 0.5: 0.5·1 + 0.5·2.
    assert kernel.value("history.history['val_total']") == pytest.approx([1.5])
    assert kernel.value("history.history['loss']") == pytest.approx([2.5])


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            "%%train_step\nreturn {}",
            "expected a model of the notebook, received none: type  %%train_step model",
        ),
        ("%%train_step modle\nreturn {}", "type  %%train_step model"),
        ("%%train_step x\nreturn {}", "received 'x', which is a ndarray"),
        ("%%train_step model --data nothing\nreturn {}", "--data: expected Python such as  x, y"),
        ("%%train_step model --body clip\nreturn {}", "received both"),
        ("%train_step model", "expected the body of train_step in the cell, received an empty one"),
        ("%%train_step model\npass", "received one that returns nothing"),
        ("%%train_step model\ndef train_step(self, data):\n    return {}", "received the whole method"),
        (
            "%%train_step model\nclass Own(keras.Model):\n    def train_step(self, data):\n        return {}",
            "received the whole class Own: leave out the lines  class Own",
        ),
        ("%%train_step model\ny_pred = self(x\nreturn {}", "'(' was never closed in line 2"),
        (
            "%%train_step model\nclass Own(keras.Model):\n    def train_step(self, data):\n        return {}",
            "received the whole class Own",
        ),
        ("%%train_step model\nx = (\nreturn {}", "expected Python in the cell, received"),
        ("%%train_step model --name 1x\nreturn {}", "--name: expected the name of a new class"),
        ("%train_step model --body clp", "--body: expected one of accumulate, clip"),
        ("%train_step model --off", "nothing is to be done"),
    ],
)
def test_mistakes_are_refused_in_one_line(kernel, cell, said):
    assert said in error_line(kernel, cell)
    assert kernel.value("type(model) is keras.Sequential")


def test_names_complete(kernel):
    def offers(line):
        reply = kernel.client.complete(line, len(line), reply=True, timeout=20)
        return reply["content"]["matches"]

    assert offers("%%train_step mod") == ["model"]
    assert offers("%train_step model --body cl") == ["clip"]
