"""Steps of Keras 2: recognised, refused where Keras 3 would report a wrong loss, rewritten."""

from __future__ import annotations

import ast
import textwrap
import warnings

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal
from nbkeras.training.custom_step.old_names import old_step
from nbkeras.training.custom_step.steps import OldBodyRefusal
from nbkeras.training.custom_step.unpacking import unpacking

OLD = """
# A comment that stays.
with tf.GradientTape() as tape:
    y_pred = self(x, training=True)
    loss = self.compiled_loss(y, y_pred, regularization_losses=self.losses)
gradients = tape.gradient(loss, self.trainable_variables)
self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
self.compiled_metrics.update_state(y, y_pred)
return {m.name: m.result() for m in self.metrics}
"""
OLD_TEST = """
y_pred = self(x, training=False)
loss = self.compiled_loss(y, y_pred, sample_weight)
self.compiled_metrics.update_state(y, y_pred, sample_weight)
return {m.name: m.result() for m in self.metrics}
"""
RECOMMENDED = OLD.replace(
    "self.compiled_metrics.update_state(y, y_pred)\n",
    "for m in self.metrics:\n    m.update_state(y, y_pred)\n",
)


@pytest.mark.parametrize("body", [OLD, RECOMMENDED])
def test_a_step_of_keras_2_is_refused_where_it_would_lie(large, points, space, keras, body):
    if keras.__name__ == "tf_keras":
        report = nbkeras.train_step(large, OLD, data=points, namespace=space)
        assert report.wrong == ()
        return
    cls = type(large)
    with pytest.raises(OldBodyRefusal, match=r"expected self\.compute_loss") as refused:
        nbkeras.train_step(large, body, data=points, namespace=space)
    assert type(large) is cls
    assert "\n" not in str(refused.value)
    assert "compute_loss(x=x, y=y, y_pred=y_pred)" in refused.value.rewritten
    assert "# A comment that stays." in refused.value.rewritten


@pytest.mark.parametrize("body", [OLD, RECOMMENDED])
def test_the_rewritten_step_agrees_with_keras_own(large, points, space, keras, body):
    report = nbkeras.train_step(large, body, data=points, namespace=space, fix=True)
    if keras.__name__ == "keras" or body is OLD:
        assert report.wrong == ()
        (same,) = (finding for finding in report.findings if finding.check == "built_in")
        assert same.verdict == "ok"


def test_the_rewritten_test_step_returns_the_true_loss(line, space, keras):
    nbkeras.test_step(line, OLD_TEST, data=(np.ones((2, 1)), np.ones((2, 1))), namespace=space, fix=True)
    x, y = np.array([[1.0], [2.0], [3.0]]), np.zeros((3, 1))
    # Two batches of different sizes: (1 + 4 + 9) / 3.
    assert line.evaluate(x, y, batch_size=2, verbose=0) == pytest.approx(14 / 3, rel=1e-6)
    weighted = line.evaluate(x, y, sample_weight=np.array([1.0, 0.0, 0.0]), verbose=0)
    assert weighted == pytest.approx(1 / 3, rel=1e-6)


def test_untouched_keras_3_logs_the_mean_of_the_predictions(space):
    """The reason for all this; where it fails, Keras has mended it."""
    import keras

    class Old(keras.Sequential):
        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            self.compiled_loss(y, y_pred)
            self.compiled_metrics.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    model = Old([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(loss="mse")
    model.set_weights([np.ones((1, 1))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logged = model.evaluate(np.array([[1.0], [2.0]]), np.zeros((2, 1)), verbose=0)
    # The true loss is 2.5, the mean of the predictions 1.5.
    assert logged == pytest.approx(1.5)


def test_what_is_not_old_is_left_alone():
    for text in (
        "return self.compute_metrics(x, y, y_pred)",
        "for m in self.metrics:\n    m.update_state(loss)",
        "for m in self.metrics:\n    if m.name == 'loss':\n        m.update_state(loss)",
        "%time loss = 1",
    ):
        assert old_step(text) is None


def test_a_loss_without_a_name_is_not_rewritten():
    old = old_step("loss = 2 * self.compiled_loss(y, p)\nself.compiled_metrics.update_state(y, p)")
    assert old.names == ("self.compiled_loss", "self.compiled_metrics")
    assert old.rewritten is None


def test_names_of_ones_own_and_magics_stay():
    old = old_step("images, labels = data\n%time\nerror = self.compiled_loss(labels, out, w)\nreturn {}")
    assert "error = self.compute_loss(x=images, y=labels, y_pred=out, sample_weight=w)\n" in old.rewritten
    assert "update_state(error, sample_weight=tf.shape(out)[0])" in old.rewritten
    assert "%time\n" in old.rewritten


# The three shapes in which old tutorials write a step: without sample weights, with them, and a test_step
# whose loss has no name.
BY_HAND = """
images, targets = data
with tf.GradientTape() as tape:
    guess = self(images, training=True)
    error = self.compiled_loss(
        targets, guess, regularization_losses=self.losses
    )
weights = self.trainable_variables
slopes = tape.gradient(error, weights)
self.optimizer.apply_gradients(zip(slopes, weights))
self.compiled_metrics.update_state(targets, guess)
return {each.name: each.result() for each in self.metrics}
"""
BY_LENGTH = BY_HAND.replace(
    "images, targets = data\n",
    "if len(data) == 3:\n    images, targets, share = data\nelse:\n    images, targets = data\n",
).replace("targets, guess", "targets, guess, sample_weight=share")
NAMELESS = """
images, targets = data
guess = self(images, training=False)
self.compiled_loss(
    targets, guess, regularization_losses=self.losses)
self.compiled_metrics.update_state(targets, guess)
return {each.name: each.result() for each in self.metrics}
"""


@pytest.mark.parametrize(("kind", "body"), [("train", BY_HAND), ("train", BY_LENGTH), ("test", NAMELESS)])
def test_steps_of_old_tutorials_are_mended(large, points, space, kind, body):
    give = nbkeras.train_step if kind == "train" else nbkeras.test_step
    report = give(large, body, data=points, namespace=space, fix=True)
    found = {finding.check: finding.verdict for finding in report.findings}
    assert set(found.values()) == {"ok"}
    assert {"sample_weight", "losses", "built_in"} <= set(found)
    # With sample weights and without, which each of them failed with or ignored.
    run = large.fit if kind == "train" else large.evaluate
    run(*points, verbose=0)
    run(*points, sample_weight=np.ones(40), verbose=0)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("x, y = data", "x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)"),
        ("x, y, w = data", "x, y, w = keras.utils.unpack_x_y_sample_weight(data)"),
        (
            "if len(data) == 2:\n    x, y = data\n    w = None\nelse:\n    x, y, w = data",
            "x, y, w = keras.utils.unpack_x_y_sample_weight(data)",
        ),
        ("x = data", None),
        ("(x, y), z = data", None),
        ("if len(data) == 3:\n    x, y, w = data\n    print(w)\nelse:\n    x, y = data", None),
    ],
)
def test_a_batch_taken_apart_by_hand_is_recognised(written, line):
    found = unpacking(ast.parse(written))
    assert (found and found.line) == line


@pytest.mark.parametrize("kind", ["train", "test"])
def test_a_whole_class_or_method_is_refused_before_all_else(large, points, space, kind):
    give = nbkeras.train_step if kind == "train" else nbkeras.test_step
    method = f"def {kind}_step(self, data):\n" + textwrap.indent(BY_HAND, "    ")
    for text, match in (
        (method, "received the whole method: leave out the line"),
        ("import tensorflow\nclass Own(keras.Model):\n" + textwrap.indent(method, "    "), "whole class Own"),
    ):
        with pytest.raises(Refusal, match=match) as refused:
            give(large, text, data=points, namespace=space, fix=True)
        assert "\n" not in str(refused.value)
