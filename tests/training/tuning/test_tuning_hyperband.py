"""Hyperband: its lengths, its number of trials, and what a longer trial goes on from."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal
from nbkeras.training.tuning.oracles import planned_trials
from tests.training.tuning.training import Training

keras_tuner = pytest.importorskip("keras_tuner")

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


def test_hyperband_goes_on_with_what_a_shorter_trial_has_learned(keras):
    begun = []

    class Watched(Training):
        def __call__(self, hp):
            note = keras.callbacks.LambdaCallback(
                on_train_begin=lambda logs: begun.append(note.model.get_weights())
            )
            self.fit["callbacks"] = [note]
            return super().__call__(hp)

    train = Watched(keras, epochs=3)
    found = nbkeras.tune(train, tuner="hyperband", seed=3)
    assert found.total == len(found.trials) == 6
    lengths = [len(trial.history["loss"]) for trial in found.trials]
    assert lengths == [1, 1, 1, 2, 3, 3]
    assert [trial.epoch > 1 for trial in found.trials if trial.number == 4] == [True]
    shorter = next(t for t in found.trials if t.id == found.trials[3].values["tuner/trial_id"])
    assert shorter.value == min(trial.value for trial in found.trials[:3])
    model = found.tuner.load_model(found.tuner.oracle.get_trial(shorter.id))
    for now, then in zip(begun[3], model.get_weights(), strict=True):
        np.testing.assert_array_equal(now, then)


def test_hyperband_needs_epochs():
    import keras

    train = Training(keras, epochs=None)
    with pytest.raises(Refusal, match="epochs: expected the most epochs that hyperband may give"):
        nbkeras.tune(train, tuner="hyperband")
    found = nbkeras.tune(train, tuner="hyperband", epochs=1)
    assert len(found.trials) == found.total


def test_the_epochs_asked_for_are_the_most_that_hyperband_gives():
    import keras

    train = Training(keras, epochs=2)
    found = nbkeras.tune(train, tuner="hyperband", epochs=1, seed=3)
    assert {len(trial.history["loss"]) for trial in found.trials} == {1}
    assert not any("counts for nothing" in note for note in found.notes)


@pytest.mark.parametrize("epochs", [1, 2, 3, 9, 10])
def test_the_planned_trials_of_hyperband_are_kerastuners(epochs):
    from keras_tuner.oracles import HyperbandOracle

    space = keras_tuner.HyperParameters()
    space.Float("x", 0, 1)
    oracle = HyperbandOracle(keras_tuner.Objective("loss", "min"), max_epochs=epochs, hyperparameters=space)
    sizes = [
        oracle._get_size(bracket, round_)
        for bracket in range(oracle._get_num_brackets())
        for round_ in range(oracle._get_num_rounds(bracket))
    ]
    assert planned_trials("hyperband", space, trials=None, epochs=epochs) == sum(sizes)
