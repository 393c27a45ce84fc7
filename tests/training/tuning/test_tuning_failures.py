"""Trials that fail: the search goes on, or raises the user's own error."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import runs
from tests.training.tuning.training import HERE, Training

pytest.importorskip("keras_tuner")

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


class TestFailures:
    def test_a_failed_trial_is_said_and_the_search_goes_on(self):
        import keras

        class Sometimes(Training):
            def begun(self):
                if self.fits == 1 and not self.failed:
                    self.failed = True
                    raise MemoryError("too large\nfor this machine")

        train = Sometimes(keras, epochs=1)
        train.failed = False
        found = nbkeras.tune(train, trials=3)
        assert [trial.status for trial in found.trials] == ["finished", "failed", "finished"]
        assert found.trials[1].reason == "MemoryError: too large"
        assert found.status == "finished"

    @pytest.mark.parametrize("tuner", ["random", "grid"])
    def test_first_values_that_fail_are_a_failed_trial_and_no_end(self, tuner):
        import keras

        def train(units):
            model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            model.fit(np.ones((8, 2)), np.ones(8), validation_split=0.5, verbose=0)

        found = nbkeras.tune(train, "units=-1|8", tuner=tuner, trials=2)
        by_value = {trial.values["units"]: trial.status for trial in found.trials}
        assert by_value == {-1: "failed", 8: "finished"}
        assert any(note.startswith("the first values fail (ValueError") for note in found.notes)

    def test_code_that_fails_with_all_values_raises_its_own_error(self):
        called = []

        def train(units):
            called.append(units)
            raise ValueError(f"no {units}")

        with pytest.raises(ValueError, match="no 2"):
            nbkeras.tune(train, "units=2|3")
        assert called == [2, 3]
        assert runs.all() == []

    def test_a_loss_that_is_never_a_number_is_a_failed_trial(self):
        import keras

        train = Training(keras, epochs=1)
        train.x[20] = np.nan
        with pytest.raises(ValueError, match="val_loss was never a finite number"):
            nbkeras.tune(train, trials=2)
        assert runs.get("search").status == "failed"

    def test_all_trials_failed_is_the_users_own_error(self):
        import keras

        class Never(Training):
            def value_after(self):
                raise KeyError("lost")

            def __call__(self, hp):
                super().__call__(hp)
                self.value_after()

        train = Never(keras, epochs=1)
        with pytest.raises(KeyError, match="lost") as error:
            nbkeras.tune(train, trials=8)
        assert train.fits == 3, "KerasTuner's own patience"
        assert error.traceback[-1].name == "value_after"
        assert runs.get("search").status == "failed"
        assert not HERE.exists(), "there is nothing to go on with"
