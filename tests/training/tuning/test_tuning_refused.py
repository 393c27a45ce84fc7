"""What a search refuses before its first epoch, and leaves nothing behind of."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal, runs
from tests.training.tuning.training import HERE, Training

keras_tuner = pytest.importorskip("keras_tuner")

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


class TestRefused:
    """What cannot go well is said before the first epoch, and leaves nothing behind."""

    @pytest.fixture
    def train(self, keras):
        yield (train := Training(keras, epochs=1))
        assert train.fits == 0
        assert not HERE.exists()
        assert runs.all() == []

    def test_an_objective_that_the_fit_does_not_report(self, train):
        with pytest.raises(Refusal, match=r"objective: .* received 'val_acc'"):
            nbkeras.tune(train, objective="val_acc")

    def test_no_validation_data(self, train):
        train.fit["validation_split"] = 0
        with pytest.raises(Refusal, match="objective: expected a fit with validation data"):
            nbkeras.tune(train)

    def test_nothing_to_search(self, train):
        with pytest.raises(Refusal, match="expected values to search, received none"):
            nbkeras.tune(lambda hp: train(keras_tuner.HyperParameters()))

    def test_no_fit(self, train):
        with pytest.raises(Refusal, match="received code that calls no fit"):
            nbkeras.tune(lambda hp: hp.Int("a", 1, 2))

    def test_no_compile(self, train, keras):
        def raw(hp):
            keras.Sequential([keras.layers.Dense(hp.Int("a", 1, 2))]).fit(train.x, train.x)

        with pytest.raises(Refusal, match="expected a compiled model"):
            nbkeras.tune(raw)

    def test_nothing_to_go_on_with(self, train):
        with pytest.raises(Refusal, match=r"resume: expected a search in .*, received nothing there"):
            nbkeras.tune(train, resume=True)


def test_a_metric_that_is_missing_after_all_ends_the_search(keras):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def test_step(self, data):
            return {"mine": 1.0}

        def train_step(self, data):
            self(data[0])
            return {"loss": 1.0}

    def train(hp):
        hp.Int("a", 1, 9)
        model = Own()
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 2)), np.ones(4), validation_data=(np.ones((4, 2)), np.ones(4)), verbose=0)

    with pytest.raises(Refusal, match=r"fit reports \(loss, val_mine\), received 'val_loss'"):
        nbkeras.tune(train)
    assert not HERE.exists()
    assert nbkeras.tune(train, objective="val_mine", trials=1).best.value == 1.0


def test_a_second_fit_in_a_trial_is_refused():
    import keras

    train = Training(keras, epochs=1)
    with pytest.raises(Refusal, match="expected a cell with one fit, received a second one"):
        nbkeras.tune(lambda hp: (train(hp), train(hp)))
