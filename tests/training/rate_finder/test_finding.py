"""What `nbkeras.lr_find` finds, how it ends, what it refuses, and how its rate is used."""

from __future__ import annotations

import doctest
import importlib
import math

import numpy as np
import pytest

import nbkeras
from nbkeras.training.rate_finder import course as courses
from nbkeras.training.rate_finder.course import Course, rising
from nbkeras.training.rate_finder.plain import plain_code
from nbkeras.training.rate_finder.suggesting import steepest, suggestions, valley

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(256, 6)).astype("float32")
Y = (X @ RANDOM.normal(size=(6, 1))).astype("float32")


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def made(keras, optimizer=None, **options):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1)], name="line")
    model.compile(optimizer or keras.optimizers.SGD(0.01), "mse", **options)
    return model


def test_the_rate_of_a_straight_line(keras):
    """The loss is a quadratic of the weights: SGD diverges above 2 by its largest curvature."""
    found = nbkeras.lr_find(made(keras), X, Y, start=1e-4, end=10.0, smoothing=0.8)
    curvature = 2 * np.linalg.eigvalsh(np.c_[X, np.ones(256)].T @ np.c_[X, np.ones(256)] / 256).max()
    assert found.why.startswith(("the loss diverged", "the loss was"))
    assert 1 / curvature / 5 < found.rates[-1] < 20 * 2 / curvature
    assert list(found.suggestions) == ["valley", "steepest", "minimum/10"]
    assert all(1e-3 < rate < 2 / curvature for rate in found.suggestions.values())
    assert found.suggested == found.suggestions["valley"]
    assert len(found.rates) == len(found.losses) == len(found.smoothed)


def test_losses_are_those_of_single_batches_and_rates_those_that_are_used(keras):
    """With one batch that is all data, each step of SGD can be computed by hand."""
    model = made(keras)
    weights = [each.astype("float64") for each in model.get_weights()]
    found = nbkeras.lr_find(model, X, Y, batch_size=256, start=1e-3, end=0.1, steps=20)
    kernel, bias = weights
    for rate, loss in zip(found.rates, found.losses, strict=True):
        error = X @ kernel + bias - Y
        assert loss == pytest.approx(float((error**2).mean()), rel=1e-4)
        kernel = kernel - rate * 2 * X.T @ error / 256
        bias = bias - rate * 2 * error.mean(axis=0)
    assert found.rates == pytest.approx(np.geomspace(1e-3, 0.1, 20))
    assert found.why == "all rates were tried"


def test_smoothing_and_divergence_by_hand():
    course = Course(rising(1e-3, 1.0, 4), 0.5, math.inf)
    assert [course.add(loss) for loss in (4.0, 2.0)] == [True, True]
    # Half of 4 by a weight of a half; then half of that 2 and half of the new 2 by three quarters.
    assert course.smoothed == pytest.approx([4.0, 8 / 3])
    assert not course.add(30.0)
    assert course.why == "the loss diverged at 1.0e-01"
    course = Course(rising(1e-3, 1.0, 4), 0.5, math.inf)
    assert [course.add(-1.0), course.add(-1.5), course.add(math.nan)] == [True, True, False]
    assert course.why == "the loss was nan at 1.0e-01"
    assert course.rates == pytest.approx([1e-3, 1e-2])


def test_its_time_is_bounded(monkeypatch):
    import keras

    now = iter(range(1000))
    monkeypatch.setattr(courses, "clock", lambda: next(now))
    found = nbkeras.lr_find(made(keras), X, Y, max_time=10)
    assert found.why.startswith("the time was over")
    assert len(found.losses) == 10


def test_suggestions_by_hand():
    falls = [9, 9, 8, 5, 2, 1, 1.5, 4]
    assert steepest(np.geomspace(1e-4, 1e3, 8), falls) == 3
    assert valley(falls) == valley([each * 10 for each in falls])
    # Eight values fall one after another, from the second on: 1 + 7 / 3 + 7 / 6, cut as fastai cuts them.
    assert valley([0, *range(8, 0, -1), 9]) == 0 + 2 + 1
    assert suggestions([1e-3] * 10, [1.0] * 10, 20) == {}
    rates = rising(1e-5, 1.0, 40)
    assert suggestions(rates, [float(place) for place in range(40)], 40) == {}
    # A loss that stays, but for the rounding of its average.
    assert suggestions(rates, [0.25 - 1e-9 * place for place in range(40)], 40) == {}
    # Two slopes that are equal: the lower rate.
    assert steepest(rising(1e-5, 1.0, 8), [9, 9, 7, 7, 7, 5, 5, 5]) == 1


class Steps:
    """Mixed in: a step of the user's own."""

    def train_step(self, data):
        import tensorflow as tf

        x, y = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(x, training=True) - y) ** 2)
        pairs = zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
        self.optimizer.apply_gradients(pairs)
        return {self.reports: loss}


def own_step(keras, reports="loss", **options):
    kind = type("Own", (Steps, keras.Model), {"reports": reports})
    inputs = keras.layers.Input((6,))
    model = kind(inputs, keras.layers.Dense(1)(inputs))
    model.compile(keras.optimizers.SGD(0.01), **options)
    return model


def test_steps_of_ones_own_eager_and_several_in_one_go(keras):
    assert nbkeras.lr_find(own_step(keras), X, Y, steps=20).losses
    assert len(nbkeras.lr_find(made(keras, run_eagerly=True), X, Y, steps=20, end=0.1).losses) == 20
    assert len(nbkeras.lr_find(made(keras, steps_per_execution=5), X, Y, steps=20, end=0.1).losses) == 20
    with pytest.raises(nbkeras.Refusal, match="expected a train_step that returns a loss, received error"):
        nbkeras.lr_find(own_step(keras, reports="error"), X, Y, steps=20)


def test_data_of_every_form(keras):
    import tensorflow as tf

    base = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence

    class Batches(base):
        def __len__(self):
            return 8

        def __getitem__(self, at):
            return X[at * 32 : at * 32 + 32], Y[at * 32 : at * 32 + 32]

    named = keras.layers.Input((6,), name="x")
    by_name = keras.Model({"x": named}, keras.layers.Dense(1)(named))
    by_name.compile("sgd", "mse")
    dataset = tf.data.Dataset.from_tensor_slices((X, Y)).batch(32)
    options = {"steps": 20, "end": 0.1}
    assert len(nbkeras.lr_find(by_name, {"x": X}, Y, **options).losses) == 20
    assert len(nbkeras.lr_find(made(keras), dataset, **options).losses) == 20
    assert len(nbkeras.lr_find(made(keras), Batches(), **options).losses) == 20
    with pytest.raises(nbkeras.Refusal, match="received a generator, whose batches fit would miss"):
        nbkeras.lr_find(made(keras), (each for each in dataset))
    with pytest.raises(
        nbkeras.Refusal, match="expected nothing beside data that come in batches, received y"
    ):
        nbkeras.lr_find(made(keras), dataset, Y)
    with pytest.raises(nbkeras.Refusal, match="expected targets for the loss of 'line', received none"):
        nbkeras.lr_find(made(keras), X)
    with pytest.raises(nbkeras.Refusal, match="as many samples each, one at least, received 256 and 200"):
        nbkeras.lr_find(made(keras), X, Y[:200])
    with pytest.raises(nbkeras.Refusal, match="one at least, received 0"):
        nbkeras.lr_find(made(keras), X[:0], Y[:0])


def test_a_rate_is_used(keras, capsys):
    model = made(keras)
    found = nbkeras.lr_find(model, X, Y, start=1e-4)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    found.use()
    assert float(model.optimizer.learning_rate) == pytest.approx(found.suggested)
    assert capsys.readouterr().out == f"learning rate of line: 0.01 → {found.suggested:.3g}\n"
    found.use("minimum/10")
    assert float(model.optimizer.learning_rate) == pytest.approx(found.suggestions["minimum/10"])
    with pytest.raises(
        nbkeras.Refusal, match="expected 'valley' , 'steepest' , 'minimum/10', received 'best'"
    ):
        found.use("best")
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)), "mse")
    found = nbkeras.lr_find(model, X, Y, start=1e-4)
    with pytest.raises(nbkeras.Refusal, match="received SGD with ExponentialDecay: give that schedule"):
        found.use()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": 1.0, "end": 0.1}, "start, end: expected two rates above 0"),
        ({"steps": 5}, "steps: expected a whole number of 20 or more, received 5"),
        ({"smoothing": 1.0}, "smoothing: expected 0 to below 1, received 1.0"),
        ({"max_time": "soon"}, "max_time: expected a time such as"),
        ({"batch_size": 0}, "batch_size: expected a whole number of 1 or more, received 0"),
    ],
)
def test_options_out_of_range(options, said):
    import keras

    with pytest.raises(nbkeras.Refusal) as refused:
        nbkeras.lr_find(made(keras), X, Y, **options)
    assert str(refused.value).startswith(said)


def test_models_that_have_no_one_rate(keras):
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(1)], name="raw")
    with pytest.raises(nbkeras.Refusal, match="received 'raw' without compile: compile it"):
        nbkeras.lr_find(model, X, Y)
    model = made(keras)
    model.other = keras.optimizers.Adam()
    with pytest.raises(nbkeras.Refusal, match="expected a model with one optimizer, received 'line' with"):
        nbkeras.lr_find(model, X, Y)


def test_the_plain_code_does_the_same(keras, capsys):
    model = made(keras)
    before = [*model.get_weights(), float(model.optimizer.learning_rate)]
    code = plain_code(
        "model", "x", "y", keras=keras.__name__, batch_size=256, start=1e-4, end=10.0, steps=60, smoothing=0.9
    )
    space = {"model": model, "x": X, "y": Y}
    exec(code, space)  # noqa: S102 - what is printed for users
    found = nbkeras.lr_find(model, X, Y, batch_size=256, start=1e-4, end=10.0, steps=60)
    assert space["test"].smoothed == pytest.approx(found.smoothed, rel=1e-3)
    assert space["suggestions"] == pytest.approx(found.suggestions)
    for mine, its in zip(before, [*model.get_weights(), float(model.optimizer.learning_rate)], strict=True):
        np.testing.assert_array_equal(mine, its)
    assert capsys.readouterr().out.startswith("{'valley': ")


@pytest.mark.parametrize(
    "name",
    [
        "training.rate_finder.course",
        "training.rate_finder.suggesting",
        "training.rate_finder.finding",
        "training.batch_sizes.job",
        "training.batch_sizes.between",
        "training.batch_sizes.finding",
        "training.batch_sizes.plain",
        "runtime.memory",
        "models.one_cycle",
        "models.cosine",
    ],
)
def test_the_examples_in_the_docstrings_do_what_they_say(name):
    failed, tried = doctest.testmod(importlib.import_module(f"nbkeras.{name}"))
    assert tried
    assert not failed
