"""A step is judged by what it logs of a whole epoch, whose batches are not all of one size."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import nbkeras
from nbkeras.magics.custom_step import TEST_STEP, TRAIN_STEP
from nbkeras.training.custom_step.ready import ready_body
from tests.training.custom_step.written import PLAIN

DOCS = Path(__file__).parents[3] / "docs/custom-steps.md"


def example(text):
    """Return the first body that a text shows."""
    shown = re.search(r"%%\w+_step model.*\n((?:.*\n)*?)\s*return .*\n", text)
    return textwrap.dedent(shown[0].partition("\n")[2])


EXAMPLES = {
    "help": ("train", example(TRAIN_STEP.examples)),
    "docs": ("train", example(DOCS.read_text(encoding="utf-8"))),
    "help of test_step": ("test", example(TEST_STEP.examples)),
}


@pytest.fixture
def keras():
    """What is shown is written for Keras 3."""
    return pytest.importorskip("keras")


@pytest.fixture
def uneven():
    """Two batches of three and one, of which the last is quite another one."""
    return np.array([[1.0], [2.0], [3.0], [40.0]], "float32"), np.zeros((4, 1), "float32")


def still(keras, model):
    """Let a model learn nothing, so that the loss of an epoch can be worked out."""
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    return model


@pytest.mark.parametrize("kind", ["train", "test"])
def test_what_is_shown_is_the_ready_body(kind, line):
    ready = ready_body(kind, "sample_weights", line)
    shown = {text for of, text in EXAMPLES.values() if of == kind}
    assert shown == {"".join(each for each in ready.splitlines(keepends=True) if each[0] != "#")}


@pytest.mark.parametrize("where", EXAMPLES)
def test_what_is_shown_logs_the_loss_of_the_epoch(keras, line, space, uneven, where):
    kind, body = EXAMPLES[where]
    give = nbkeras.train_step if kind == "train" else nbkeras.test_step
    report = give(still(keras, line), body, data=uneven, namespace=space)
    assert {finding.verdict for finding in report.findings} == {"ok"}
    expected = (1 + 4 + 9 + 1600) / 4
    if kind == "train":
        history = line.fit(*uneven, batch_size=3, shuffle=False, verbose=0).history
        assert history["loss"] == [pytest.approx(expected)]
    else:
        assert line.evaluate(*uneven, batch_size=3, verbose=0) == pytest.approx(expected)


@pytest.mark.usefixtures("half_precision")
def test_what_is_shown_is_right_under_mixed_precision(keras, space, uneven):
    model = still(keras, keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]))
    model.set_weights([np.ones((1, 1), "float32")])
    report = nbkeras.train_step(model, EXAMPLES["help"][1], data=uneven, namespace=space)
    assert report.wrong == ()
    assert "scale" in {finding.check for finding in report.findings}
    loss = model.fit(*uneven, batch_size=3, shuffle=False, verbose=0).history["loss"]
    assert loss == [pytest.approx((1 + 4 + 9 + 1600) / 4, rel=1e-2)]


def test_a_loss_that_counts_batches_and_not_samples_is_wrong(keras, line, space, uneven):
    body = PLAIN.replace("update_state(loss, sample_weight=tf.shape(x)[0])", "update_state(loss)")
    report = nbkeras.train_step(still(keras, line), body, data=uneven, namespace=space)
    (found,) = report.wrong
    assert found.check == "built_in"
    assert "sample_weight=tf.shape(x)[0]" in found.text
    # Of the batch of 4 it is 403.5, of its last two 804.5; Keras makes (4 * 403.5 + 2 * 804.5) / 6 of it.
    assert "log the loss 604 where it is 537.2" in found.text


def test_a_loss_of_the_last_batch_is_noted(keras, line, space, uneven):
    body = """
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
    gradients = tape.gradient(loss, self.trainable_weights)
    self.optimizer.apply_gradients(zip(gradients, self.trainable_weights))
    return {"loss": loss, "norm": tf.linalg.global_norm(gradients)}
    """
    report = nbkeras.train_step(still(keras, line), body, data=uneven, namespace=space)
    found = {finding.check: finding for finding in report.findings}
    assert found["returns"].verdict == "note"
    assert "the loss that fit logs is that of the last batch" in found["returns"].text
    assert found["built_in"].verdict == "ok"
    assert line.fit(*uneven, batch_size=3, shuffle=False, verbose=0).history["loss"] == [1600.0]


def test_a_number_of_the_last_batch_is_named(keras, line, space, uneven):
    body = PLAIN.replace("return self.", 'return {"largest": tf.reduce_max(y_pred)} | self.')
    report = nbkeras.train_step(still(keras, line), body, data=uneven, namespace=space)
    (found,) = (finding for finding in report.findings if finding.check == "returns")
    assert (found.verdict, found.text) == ("ok", "returns largest, loss (largest: of the last batch)")


def test_an_evaluation_of_the_last_batch_is_noted(keras, line, space, uneven):
    body = 'return {"mean_error": tf.reduce_mean(tf.abs(y - self(x, training=False)))}'
    report = nbkeras.test_step(still(keras, line), body, data=uneven, namespace=space)
    (found,) = (finding for finding in report.findings if finding.check == "returns")
    assert found.verdict == "note"
    assert "the mean_error that evaluate returns is that of the last batch" in found.text
    assert line.evaluate(*uneven, batch_size=3, verbose=0, return_dict=True) == {"mean_error": 40.0}
