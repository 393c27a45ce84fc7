"""What the trial on one batch finds, and that it moves nothing."""

from __future__ import annotations

import importlib
import random

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras import Refusal
from tests.training.custom_step.written import BARE, PLAIN

# The other line by make grid alone.
pytestmark = pytest.mark.costly("tf_keras")


def verdicts(model, body, data, space, kind="train"):
    give = nbkeras.train_step if kind == "train" else nbkeras.test_step
    report = give(model, body, data=data, namespace=space)
    return {finding.check: finding.verdict for finding in report.findings}


def texts(model, body, data, space):
    report = nbkeras.train_step(model, body, data=data, namespace=space)
    return {finding.check: finding.text for finding in report.findings}


def test_a_right_step_is_right_in_every_way(large, points, space):
    checks = ("returns", "gradients", "sample_weight", "losses", "built_in")
    assert verdicts(large, PLAIN, points, space) == dict.fromkeys(checks, "ok")


def test_keras_own_step_is_right_for_every_kind_of_data(large, points):
    x, y = points
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    for data in (dataset, (x, y, np.ones(len(x))), (x.astype("float64"), y)):
        for kind in ("train", "test"):
            found = nbkeras.try_step(large, data, kind=kind).findings
            assert {finding.verdict for finding in found} == {"ok"}


def test_weights_without_a_gradient_are_named(large, points, space):
    body = PLAIN.replace("self.trainable_weights", "self.trainable_weights[2:]")
    found = texts(large, body, points, space)["gradients"]
    assert "first/kernel, " in found
    assert found.count("first/") == 2
    assert "(2 of 6 trainable weights)" in found


def test_a_gradient_that_does_not_come_from_the_tape_is_a_refusal(large, points, space):
    body = PLAIN.replace("tape.gradient(loss,", "tape.gradient(tf.constant(1.0),")
    cls = type(large)
    with pytest.raises(Refusal, match="expected gradients for the trainable weights, received none"):
        nbkeras.train_step(large, body, data=points, namespace=space)
    assert type(large) is cls


def test_weights_that_are_moved_by_hand_are_reached(line, space):
    body = """
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
    for weight, gradient in zip(self.trainable_weights, tape.gradient(loss, self.trainable_weights)):
        weight.assign(weight - 0.1 * gradient)
    return {"error": loss}
    """
    data = (np.array([[1.0], [2.0]]), np.zeros((2, 1)))
    found = verdicts(line, body, data, space)
    assert (found["gradients"], found["built_in"]) == ("ok", "ok")


def test_layers_own_losses_that_are_left_out_are_seen(large, points, space):
    body = PLAIN.replace(
        "self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight)",
        "tf.reduce_mean((y - y_pred) ** 2)",
    )
    assert verdicts(large, body, points, space)["losses"] == "wrong"
    added = body.replace("** 2)", "** 2) + sum(self.losses)")
    assert verdicts(large, added, points, space)["losses"] == "ok"


def test_sample_weights_that_are_left_out_are_seen(large, points, space):
    body = PLAIN.replace("sample_weight=sample_weight", "sample_weight=None")
    ignored = body.replace("y_pred, sample_weight)", "y_pred, None)")
    large.compile(optimizer="adam", loss="mse", weighted_metrics=["mae"])
    assert verdicts(large, body, points, space)["sample_weight"] == "wrong"
    assert verdicts(large, ignored, points, space)["sample_weight"] == "note"
    weighted = (*points, np.ones(40))
    assert verdicts(large, ignored, weighted, space)["sample_weight"] == "wrong"


def test_a_step_that_needs_sample_weights_fails_without(large, points, space):
    body = "x, y, sample_weight = data" + PLAIN
    found = texts(large, body, (*points, np.ones(40)), space)["sample_weight"]
    assert found.startswith("fails when fit is given no sample_weight (ValueError")


def test_a_model_that_is_not_called_for_training_is_seen(large, points, space):
    body = PLAIN.replace("training=True", "training=False")
    assert "norm/moving_mean" in texts(large, body, points, space)["training"]


def test_dropout_that_is_off_is_seen(keras, points, space):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    body = PLAIN.replace("training=True", "training=False")
    assert "dropout and the like are off" in texts(model, body, points, space)["training"]


def test_a_wrong_loss_is_told_from_another_loss(line, space, keras):
    data = (np.array([[1.0], [2.0]]), np.zeros((2, 1)))
    lies = PLAIN.replace("return self", 'return {"loss": tf.reduce_mean(y_pred)} or self')
    found = texts(line, lies, data, space)["built_in"]
    # All names are those of the model's metrics, and fit logs these.
    assert found == "the weights move and the metrics are as with Keras's own step"
    assert line.fit(*data, verbose=0).history["loss"] == [2.5]
    lies = lies.replace('{"loss"', '{"more": 1.0, "loss"')
    assert "fit would log the loss 0.75 where it is 0.625" in texts(line, lies, data, space)["built_in"]
    doubled = PLAIN.replace("sample_weight=sample_weight)\n", "sample_weight=sample_weight) * 2\n", 1)
    report = nbkeras.train_step(line, doubled, data=data, namespace=space)
    (other,) = (finding for finding in report.findings if finding.check == "built_in")
    assert other.verdict == "note"


def test_a_loss_that_fit_would_not_log_is_seen(line, space, keras):
    data = (np.array([[1.0], [2.0]]), np.zeros((2, 1)))
    found = nbkeras.train_step(line, BARE, data=data, namespace=space)
    logged = line.fit(*data, verbose=0).history["loss"]
    if keras.__name__ == "keras":
        # Keras 3.15: the model has a metric of this name, which nobody has updated.
        assert logged == [0.0]
        assert "returns loss 2.5, but fit logs 0, the model's own metric of that name" in found.wrong[0].text
    else:
        assert logged == [2.5]
        assert found.wrong == ()


def test_metrics_that_are_never_updated_are_refused_where_fit_would_fail(line, space, keras):
    line.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    data = (np.array([[1.0], [2.0]]), np.zeros((2, 1)))
    if keras.__name__ == "tf_keras":
        nbkeras.train_step(line, BARE, data=data, namespace=space)
        assert line.fit(*data, verbose=0).history == {"loss": [2.5]}
        return
    with pytest.raises(Refusal, match="expected a step that updates the metrics"):
        nbkeras.train_step(line, BARE, data=data, namespace=space)
    nbkeras.train_step(line, BARE, data=data, namespace=space, try_first=False)
    with pytest.raises(ValueError, match=r"Cannot get result\(\)"):
        line.fit(*data, verbose=0)


@pytest.mark.parametrize(
    ("returned", "match"),
    [
        ("None or None", "received None: end it with"),
        ("loss", "received a SymbolicTensor|received a Tensor"),
        ('{"loss": object()}', "expected a dict of numbers"),
    ],
)
def test_what_is_no_dict_of_numbers_is_refused(line, space, returned, match):
    body = PLAIN.replace("self.compute_metrics(x, y, y_pred, sample_weight)", returned)
    with pytest.raises(Refusal, match=match):
        nbkeras.train_step(line, body, data=(np.ones((2, 1)), np.ones((2, 1))), namespace=space)


def test_several_numbers_under_one_name_are_wrong(line, space):
    body = PLAIN.replace("return self", 'return {"loss": loss, "errors": y - y_pred} or self')
    data = (np.ones((2, 1)), np.ones((2, 1)))
    assert "errors of shape (2, 1)" in texts(line, body, data, space)["returns"]


@pytest.mark.usefixtures("half_precision")
def test_a_loss_that_is_not_scaled_is_seen(large, points, space, keras):
    name = "scale_loss" if keras.__name__ == "keras" else "get_scaled_loss"
    assert name in texts(large, PLAIN, points, space)["scale"]
    scaled = PLAIN.replace("tape.gradient(loss,", "tape.gradient(scaled,").replace(
        "gradients = tape", f"    scaled = self.optimizer.{name}(loss)\ngradients = tape"
    )
    if keras.__name__ == "tf_keras":
        assert "gradients back" in texts(large, scaled, points, space)["scale"]
        scaled = scaled.replace("zip(gradients", "zip(self.optimizer.get_unscaled_gradients(gradients)")
    found = verdicts(large, scaled, points, space)
    assert (found["scale"], found["built_in"]) == ("ok", "ok")


def test_a_test_step_that_trains_or_drops_out_is_wrong(large, points, space):
    found = verdicts(large, PLAIN, points, space, kind="test")
    assert (found["gradients"], found["training"]) == ("wrong", "wrong")


def numbers(large):
    """Return all that a trial could move, exactly."""
    optimizer = large.optimizer
    held = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    metrics = [variable for metric in large.metrics for variable in metric.variables]
    values = [np.array(variable.numpy()) for variable in [*large.variables, *held, *metrics]]
    return [value.tobytes() for value in values], random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002


def test_nothing_moves(large, points, space):
    large.fit(*points, epochs=2, verbose=0)
    before, optimizer = numbers(large), large.optimizer
    nbkeras.train_step(large, PLAIN, data=points, namespace=space)
    assert numbers(large) == before
    assert large.optimizer is optimizer


def test_nothing_moves_where_the_step_fails(large, points, space):
    large.fit(*points, verbose=0)
    before, cls = numbers(large), type(large)
    body = PLAIN.replace("return self", "return 1 / 0 or self")
    with pytest.raises(ZeroDivisionError):
        nbkeras.train_step(large, body, data=points, namespace=space)
    assert numbers(large) == before
    assert type(large) is cls


def test_an_optimizer_that_has_no_slots_yet_gets_none(large, points, space):
    def slots():
        held = large.optimizer.variables
        return len(held() if callable(held) else held)

    before = slots()
    nbkeras.train_step(large, PLAIN, data=points, namespace=space)
    assert slots() == before < 3


@pytest.mark.parametrize("body", [PLAIN, BARE])
def test_training_goes_the_same_way_with_and_without_a_trial(keras, points, space, body):
    def trained(tried):
        keras.backend.clear_session()
        keras.utils.set_random_seed(3)
        layers = [keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
        model = keras.Sequential(layers)
        model.compile(optimizer="adam", loss="mse", metrics=["mae"] if body is PLAIN else None)
        # The model waits for its data, so that its weights are made here or in fit.
        nbkeras.train_step(model, body, data=points, namespace=space, try_first=tried)
        drawn = [random.random(), np.random.rand(), float(tf.random.uniform(()))]  # noqa: NPY002, S311
        history = model.fit(*points, epochs=2, verbose=0).history
        return history, [weight.tobytes() for weight in model.get_weights()], drawn

    assert trained(tried=True) == trained(tried=False)


def test_optimizers_and_models_of_the_notebook_are_left_alone(line, keras, space):
    other = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    other.compile(optimizer=keras.optimizers.Adam(), loss="mse")
    space |= {"other": other, "second": keras.optimizers.Adam()}
    body = """
    with tf.GradientTape(persistent=True) as tape:
        loss = tf.reduce_mean((other(self(x, training=True)) - y) ** 2)
    self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights))
    weights = other.trainable_weights
    other.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    second.apply_gradients(zip(tape.gradient(loss, weights), weights))
    return {"loss": loss}
    """
    before, optimizers = numbers(other), (other.optimizer, space["second"])
    data = (np.array([[1.0], [2.0]]), np.ones((2, 1)))
    nbkeras.train_step(line, body, data=data, namespace=space)
    assert numbers(other) == before
    assert (other.optimizer, space["second"]) == optimizers


def test_metrics_of_several_outputs_are_not_there_before_their_time(keras, space):
    inputs = keras.Input((2,))
    outputs = [keras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")]
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="sgd", loss=["mse", "mse"], metrics=[["mae"], ["mae"]])
    before = [metric.name for metric in model.metrics]
    x, y = np.ones((4, 2)), [np.ones((4, 1)), np.ones((4, 1))]
    dataset = tf.data.Dataset.from_tensor_slices((x, tuple(y))).batch(4)
    report = nbkeras.train_step(model, "return super().train_step(data)", data=dataset, namespace=space)
    assert report.wrong == ()
    assert [metric.name for metric in model.metrics] == before
    names = {"loss", "a_loss", "b_loss", "a_mae", "b_mae"}
    assert set(model.fit(dataset, shuffle=False, verbose=0).history) == names


@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_metrics_of_ones_own_keep_their_names_and_begin_at_nothing(line):
    keras = importlib.import_module(line)
    metric = keras.metrics.MeanAbsoluteError(name="own")
    inputs = keras.Input((2,))
    model = keras.Model(inputs, {name: keras.layers.Dense(1, name=name)(inputs) for name in "ab"})
    model.compile(optimizer="sgd", loss={"a": "mse", "b": "mse"}, metrics={"a": [metric]})
    ones = np.ones((8, 1), "float32")
    nbkeras.try_step(model, (np.ones((8, 2), "float32"), {"a": ones, "b": ones}))
    assert metric.name == "own"
    assert [float(each.numpy()) for each in metric.variables] == [0.0, 0.0]


def test_data_that_will_not_do_are_refused(line, space):
    for data, match in (
        (iter([1]), "ends once"),
        ((np.ones((3, 1)), np.ones((2, 1))), "lengths 2, 3"),
        ((np.ones((0, 1)), np.ones((0, 1))), "lengths 0"),
        (5, "received int"),
        (tf.data.Dataset.from_tensor_slices((np.ones((0, 1)), np.ones((0, 1)))).batch(2), "empty"),
        (None, "add  --data"),
    ):
        with pytest.raises(Refusal, match=match):
            nbkeras.train_step(line, PLAIN, data=data, namespace=space)


def test_usual_names_are_found(line, space):
    space |= {"x_train": np.ones((4, 7)), "y_train": np.ones(4), "x": np.ones((4, 1)), "y": np.ones((4, 1))}
    report = nbkeras.train_step(line, PLAIN, namespace=space)
    assert "a batch of x, y " in report.head


def test_a_step_that_only_runs_eagerly_is_not_tried_but_used(line, space):
    line.compile(optimizer="sgd", loss="mse", run_eagerly=True)
    body = PLAIN.replace("return", "float(loss)\nreturn")
    data = (np.ones((4, 1)), np.zeros((4, 1)))
    found = nbkeras.train_step(line, body, data=data, namespace=space).findings
    assert [(finding.check, finding.verdict) for finding in found] == [("trial", "note")]
    assert line.fit(*data, verbose=0).history["loss"] == [1.0]
