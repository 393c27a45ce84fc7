"""`one_cycle` and `cosine_with_warmup` against values computed by hand, saved, loaded and resumed."""

from __future__ import annotations

import importlib
import math

import numpy as np
import pytest

import nbkeras

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")
X, Y = np.ones((32, 3), "float32"), np.zeros((32, 1), "float32")


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return importlib.import_module(request.param)


def cycle(step):
    """Return the rate of a cycle of 40 steps up to 0.2, by its definition."""
    if step < 10:
        return 0.2 / 25 + (0.2 - 0.2 / 25) * (1 - math.cos(math.pi * step / 10)) / 2
    done = (min(step, 40) - 10) / 30
    return 0.2 + (0.2 / 1e5 - 0.2) * (1 - math.cos(math.pi * done)) / 2


def warm(step):
    """Return the rate of 40 steps of which 8 rise to 0.2, and which end at 0.01, by its definition."""
    if step < 8:
        return 0.2 * step / 8
    done = (min(step, 40) - 8) / 32
    return 0.01 + (0.2 - 0.01) * (1 + math.cos(math.pi * done)) / 2


def schedules(keras):
    line = keras.__name__
    return [
        (nbkeras.one_cycle(0.2, 5, 8, line=line), cycle),
        (nbkeras.cosine_with_warmup(0.2, 5, 8, end_rate=0.01, line=line), warm),
    ]


def test_rates_by_hand(keras):
    for schedule, rate in schedules(keras):
        assert isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
        for step in (0, 1, 5, 8, 10, 11, 25, 39, 40, 41, 1000):
            assert float(schedule(step)) == pytest.approx(rate(step), rel=1e-4, abs=1e-7), step


def made(keras, schedule):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedule), "mse")
    return model


def test_updates_follow_them(keras):
    """A gradient of 1 on one weight: it moves by the rate of each step."""
    import tensorflow as tf

    for schedule, rate in schedules(keras):
        weight = tf.Variable(0.0) if keras.__name__ == "tf_keras" else keras.Variable(0.0)
        optimizer = keras.optimizers.SGD(schedule)
        optimizer.build([weight])
        for _ in range(12):
            optimizer.apply_gradients([(tf.constant(1.0), weight)])
        assert float(weight.numpy()) == pytest.approx(-sum(map(rate, range(12))), rel=1e-4)


# `make grid` runs the one that is Keras's own, too.
@pytest.mark.parametrize("place", [0, pytest.param(1, marks=pytest.mark.costly)], ids=["one_cycle", "cosine"])
def test_saved_and_loaded_they_go_on(keras, tmp_path, place):
    whole = made(keras, schedules(keras)[place][0])
    whole.fit(X, Y, batch_size=4, epochs=4, shuffle=False, verbose=0)
    half = made(keras, schedules(keras)[place][0])
    half.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    half.save(tmp_path / "half.keras")
    loaded = keras.models.load_model(tmp_path / "half.keras")
    loaded.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    for mine, its in zip(whole.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_an_exact_backup_goes_on_with_one(keras, tmp_path):
    kept = {"batch_size": 4, "shuffle": False, "verbose": 0}
    line = keras.__name__
    backup = importlib.import_module("nbkeras.callbacks.backup.exact").exact_backup_class(line)
    whole = made(keras, nbkeras.one_cycle(0.2, 5, 8, line=line))
    history = whole.fit(X, Y, epochs=5, **kept).history
    cut = made(keras, nbkeras.one_cycle(0.2, 5, 8, line=line))
    stops = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / (epoch != 2))
    with pytest.raises(ZeroDivisionError):
        cut.fit(X, Y, epochs=5, callbacks=[backup(tmp_path / "backup"), stops], **kept)
    resumed = made(keras, nbkeras.one_cycle(0.2, 5, 8, line=line))
    ended = resumed.fit(X, Y, epochs=5, callbacks=[backup(tmp_path / "backup")], **kept).history
    assert ended["loss"] == history["loss"]
    for mine, its in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.costly
@pytest.mark.parametrize(("kind", "name"), [("SGD", "momentum"), ("Adam", "beta_1")])
def test_momentum_that_is_set_in_the_midst_counts_once_the_step_is_traced_anew(keras, kind, name):
    """Why `one_cycle` has no momentum."""

    def trained(then, *, anew=False, **options):
        class Set(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    setattr(self.model.optimizer, name, then)
                    if anew:
                        self.model.make_train_function(force=True)

        model = made(keras, 0.01)
        model.compile(getattr(keras.optimizers, kind)(0.01, **{name: 0.9}), "mse", **options)
        model.fit(X, Y, batch_size=8, epochs=4, shuffle=False, verbose=0, callbacks=[Set()])
        return [each.tobytes() for each in model.get_weights()]

    assert trained(0.5) == trained(0.9)
    assert trained(0.5, anew=True) != trained(0.9)
    assert trained(0.5, run_eagerly=True) != trained(0.9, run_eagerly=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nbkeras.one_cycle(0, 5, 8), "max_rate: expected a number above 0, received 0"),
        (
            lambda: nbkeras.one_cycle(0.1, 5.5, 8),
            "epochs: expected a whole number of 1 or more, received 5.5",
        ),
        (
            lambda: nbkeras.one_cycle(0.1, 5, 8, rising=1),
            "rising: expected a number between 0 and 1, received 1",
        ),
        (lambda: nbkeras.cosine_with_warmup(0.1, 5, 8, warmup_epochs=5), "warmup_epochs: expected a step at"),
        (
            lambda: nbkeras.cosine_with_warmup(0.1, 5, 8, end_rate=1),
            "end_rate: expected 0 to 0.1, received 1",
        ),
    ],
)
def test_numbers_out_of_range(make, said):
    with pytest.raises(nbkeras.Refusal) as refused:
        make()
    assert str(refused.value).startswith(said)
