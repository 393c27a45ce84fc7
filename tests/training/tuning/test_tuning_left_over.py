"""A search that was there before, or was stopped: how another one goes on with it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, ClassVar

import pytest

import nbkeras
from nbkeras import Refusal, runs
from tests.training.tuning.training import HERE, Training

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("keras_tuner")

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


class TestLeftOver:
    made: ClassVar[list[Path]] = []

    @pytest.fixture
    def train(self, tmp_path_factory):
        import keras

        if not self.made:
            # The search before, made once for all of these tests.
            place = tmp_path_factory.mktemp("before") / "tuning"
            nbkeras.tune(Training(keras, epochs=1), trials=2, seed=4, directory=place)
            self.made.append(place)
        shutil.copytree(self.made[0], HERE.parent)
        train = Training(keras, epochs=1)
        train.fits = 2
        return train

    def test_it_is_never_silently_reused(self, train):
        with pytest.raises(Refusal, match=r"which holds one of .* with 2 trials: go on with it by --resume"):
            nbkeras.tune(train, trials=2)
        assert train.fits == 2

    def test_restart_begins_anew(self, train):
        found = nbkeras.tune(train, trials=1, restart=True)
        assert [trial.number for trial in found.trials] == [1]
        assert len(list(HERE.glob("trial_*"))) == 1

    def test_resume_goes_on(self, train):
        found = nbkeras.tune(train, trials=3, resume=True)
        assert train.fits == 3
        assert [trial.number for trial in found.trials] == [1, 2, 3]
        assert len({str(trial.values) for trial in found.trials}) == 3
        assert train.value(found.model) == pytest.approx(found.best.value, rel=1e-5)

    def test_a_search_that_was_over_gives_its_best_again(self, train):
        found = nbkeras.tune(train, trials=2, resume=True)
        assert train.fits == 2
        assert train.value(found.model) == pytest.approx(found.best.value, rel=1e-5)
        assert any("earlier session" in note for note in found.notes)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"tuner": "grid"}, "tuner was random, is grid"),
            ({"objective": "val_loss:max"}, "objective was val_loss:min, is val_loss:max"),
            ({"seed": 9}, "seed was 4, is 9"),
        ],
    )
    def test_another_search_does_not_go_on_in_it(self, train, change, words):
        with pytest.raises(Refusal) as refusal:
            nbkeras.tune(train, trials=3, resume=True, **change)
        assert words in str(refusal.value)
        assert train.fits == 2

    def test_another_space_does_not_go_on_in_it(self, train):
        def changed(hp):
            hp.Choice("units", [2, 3, 4])
            return train(hp)

        with pytest.raises(Refusal, match="units has other values"):
            nbkeras.tune(changed, trials=3, resume=True)
        assert train.fits == 2

    def test_changed_code_goes_on_and_is_said(self, train):
        def changed(hp):
            return train(hp)

        found = nbkeras.tune(changed, trials=3, resume=True)
        assert any("the code has changed" in note for note in found.notes)

    @pytest.mark.parametrize("name", ["oracle.json", "nbkeras.json"])
    def test_damaged_files_are_refused(self, train, name):
        (HERE / name).write_text('{"cut off')
        with pytest.raises(Refusal, match="another program's or damaged files"):
            nbkeras.tune(train, trials=3, resume=True)


def test_other_peoples_files_are_never_deleted():
    import keras

    HERE.mkdir(parents=True)
    (HERE / "thesis.txt").write_text("years")
    for options in ({}, {"restart": True}, {"resume": True}):
        with pytest.raises(Refusal, match="received other files"):
            nbkeras.tune(Training(keras), **options)
    assert (HERE / "thesis.txt").read_text() == "years"


class TestStopped:
    def stop(self, keras, train, *, trial):
        """Stop a search in the first epoch of a trial, as a view does."""

        def stop(epoch, logs):
            if train.fits == trial - 1:
                runs.get("search").control.stop("stop button")

        train.fit["callbacks"] = [keras.callbacks.LambdaCallback(on_epoch_begin=stop)]
        return nbkeras.tune(train, trials=2, seed=2)

    def test_the_best_is_kept_and_the_stopped_trial_runs_again(self, keras):
        train = Training(keras, epochs=3)
        found = self.stop(keras, train, trial=2)
        assert (found.status, found.run.reason) == ("stopped", "stop button")
        assert [trial.status for trial in found.trials] == ["finished", "stopped"]
        assert train.value(found.model) == pytest.approx(found.best.value, rel=1e-5)
        stopped = found.trials[1]
        del train.fit["callbacks"]
        again = nbkeras.tune(train, trials=2, seed=2, resume=True)
        assert again.trials[1].values == stopped.values
        assert [trial.status for trial in again.trials] == ["finished"] * 2
        assert [len(trial.history.get("loss", [])) for trial in again.trials] == [0, 3]

    def test_in_the_first_trial(self):
        import keras

        found = self.stop(keras, Training(keras, epochs=3), trial=1)
        assert [trial.status for trial in found.trials] == ["stopped"]
        assert found.model is not None

    def test_by_time(self):
        import keras

        found = nbkeras.tune(Training(keras, epochs=10_000), trials=3, max_time=2)
        assert (found.status, found.run.reason) == ("stopped", "time limit of 2s")
        assert found.best is not None
