"""Ready bodies against numbers that were worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal
from nbkeras.magics.custom_step import READY_BODIES
from nbkeras.training.custom_step.ready import ready_body, ready_names

X, Y = np.array([[1.0], [2.0]], "float32"), np.zeros((2, 1), "float32")


def given(model, name, data, space):
    body = ready_body("train", name, model)
    return nbkeras.train_step(model, body, data=data, namespace=space)


def weight(model):
    return float(model.get_weights()[0][0, 0])


def test_the_magics_offer_those_that_there_are():
    assert {kind: list(names) for kind, names in READY_BODIES.items()} == {
        kind: ready_names(kind) for kind in ("train", "test")
    }


def test_an_unknown_name_is_refused(line):
    with pytest.raises(Refusal, match=r"expected one of accumulate, .*received 'clp'"):
        ready_body("train", "clp", line)


@pytest.mark.parametrize("name", ["sample_weights", "accumulate"])
def test_steps_that_should_agree_with_keras_own_do(line, space, name):
    # Of a batch with fewer rows than parts, tf_keras logs what comes again.
    eight = np.arange(1, 9, dtype="float32")[:, None]
    report = given(line, name, (eight, np.zeros_like(eight)), space)
    assert {finding.verdict for finding in report.findings} == {"ok"}
    # The gradient is the mean of 2·x·x: 5.
    history = line.fit(X, Y, verbose=0).history
    assert history["loss"] == [pytest.approx(2.5)]
    assert weight(line) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["sample_weights", "accumulate"])
def test_sample_weights_count(line, space, name):
    given(line, name, (X, Y), space)
    # Keras divides by the number of samples: (1·1 + 0·4) / 2, and a gradient of 1.
    history = line.fit(X, Y, sample_weight=np.array([1.0, 0.0]), verbose=0).history
    assert history["loss"] == [pytest.approx(0.5)]
    assert weight(line) == pytest.approx(0.9)


@pytest.mark.parametrize("samples", [1, 3, 4, 6, 9])
def test_parts_of_a_batch_add_up_whatever_its_size(keras, line, space, samples):
    given(line, "accumulate", (X, Y), space)
    line.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", weighted_metrics=["mae"])
    x = np.arange(1, samples + 1, dtype="float32")[:, None]
    history = line.fit(x, np.zeros_like(x), batch_size=samples, verbose=0).history
    # tf_keras logs the loss of each part, also of the rows that come again.
    if keras.__name__ == "keras" or samples >= 4:
        assert history["loss"] == [pytest.approx(float((x**2).mean()), rel=1e-5)]
    assert history["mae"] == [pytest.approx(float(x.mean()), rel=1e-5)]
    assert weight(line) == pytest.approx(1 - 0.01 * 2 * float((x**2).mean()), rel=1e-5)


def test_the_gradient_is_shortened_and_its_length_told(line, space):
    given(line, "clip", (X, Y), space)
    history = line.fit(X, Y, verbose=0).history
    assert history["gradient_length"] == [pytest.approx(5.0)]
    assert weight(line) == pytest.approx(0.9)


@pytest.mark.usefixtures("half_precision")
@pytest.mark.parametrize("name", ["sample_weights", "accumulate", "clip"])
def test_the_loss_is_scaled_under_mixed_precision(keras, space, name):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    # Keras's own scale of 32768 would make these gradients infinite in float16, and the step none.
    optimizer = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=256)
    model.compile(optimizer=optimizer, loss="mse")
    model.set_weights([np.ones((1, 1), "float32")])
    report = given(model, name, (X, Y), space)
    assert {f.check: f.verdict for f in report.findings}["scale"] == "ok"
    history = model.fit(X, Y, verbose=0).history
    assert weight(model) == pytest.approx(0.9 if name == "clip" else 0.5, rel=1e-2)
    if name == "clip":
        assert history["gradient_length"] == [pytest.approx(5.0, rel=1e-2)]


def test_a_student_learns_from_targets_and_teacher(keras, space):
    def linear(weights):
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, use_bias=False)])
        model.set_weights([np.array([weights], "float32")])
        return model

    student, space["teacher"] = linear([1.0, 0.0]), linear([0.0, 1.0])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    student.compile(optimizer=keras.optimizers.SGD(1.0), loss=loss)
    data = (np.ones((1, 1), "float32"), np.zeros((1,), "int32"))
    report = given(student, "distill", data, space)
    assert [f.check for f in report.findings if f.verdict != "ok"] == ["built_in"]
    history = student.fit(*data, verbose=0).history
    p, q, t = softmax([1.0, 0.0]), softmax([1 / 3, 0.0]), softmax([0.0, 1 / 3])
    soft = 9 * float((t * np.log(t / q)).sum())
    assert history["loss"] == [pytest.approx(0.5 * -math.log(p[0]) + 0.5 * soft, rel=1e-4)]
    moved = np.array([1.0, 0.0]) - 0.5 * (p - [1, 0]) - 0.5 * 3 * (q - t)
    assert student.get_weights()[0][0] == pytest.approx(moved, rel=1e-4)
    assert space["teacher"].get_weights()[0].tolist() == [[0.0, 1.0]]


def softmax(values):
    powers = np.exp(np.array(values))
    return powers / powers.sum()


def test_two_views_of_a_sample_are_drawn_together(keras, space):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=False)])
    model.compile(optimizer=keras.optimizers.SGD(0.1))
    model.set_weights([np.eye(2, dtype="float32")])
    # It changes nothing here, so that the loss can be worked out: each view and its partner are one vector.
    space["augment"] = keras.layers.Rescaling(1.0)
    x = np.eye(2, dtype="float32")
    report = given(model, "contrastive", x, space)
    assert report.wrong == ()
    history = model.fit(x, verbose=0).history
    assert history["loss"] == [pytest.approx(math.log(1 + 2 * math.exp(-10)), rel=1e-3)]
    assert history["contrastive_accuracy"] == [1.0]


def test_generator_and_discriminator_learn_in_turn(keras, space):
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    generator.layers[0].set_weights([np.zeros((3, 1)), np.ones(1)])
    judge = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    judge.set_weights([np.ones((1, 1))])
    for model in (generator, judge):
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss)
    space["discriminator"] = judge
    real = np.full((4, 1), 2.0, "float32")
    report = given(generator, "gan", real, space)
    assert report.wrong == ()
    assert weight(judge) == 1.0
    history = generator.fit(real, verbose=0).history

    def sigmoid(value):
        return 1 / (1 + math.exp(-value))

    # Real samples are 2, made ones 1 whatever the noise: its kernel is zero.
    judged = 1 - 0.1 * ((sigmoid(2) - 1) * 2 + sigmoid(1) * 1) / 2
    assert weight(judge) == pytest.approx(judged, rel=1e-5)
    made = 1 - 0.1 * (sigmoid(judged) - 1) * judged
    assert float(generator.get_weights()[1][0]) == pytest.approx(made, rel=1e-5)
    d_loss = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1))) / 2
    assert history["d_loss"] == [pytest.approx(d_loss, rel=1e-5)]
    assert history["loss"] == [pytest.approx(-math.log(sigmoid(judged)), rel=1e-5)]
