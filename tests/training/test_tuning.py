"""Searches of real models: what is tried, what is kept, what is refused, and how a search goes on."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import nbkeras
from nbkeras import Refusal, runs
from nbkeras.training.tuning.oracles import planned_trials
from nbkeras.training.tuning.recalled import recalled
from nbkeras.widgets.again import show_again
from tests.recipes.cases import PAIRWISE


# `make grid` runs these on both lines; each takes long.
@pytest.fixture(params=["keras", "tf_keras"] if PAIRWISE else ["keras"])
def keras(request):
    return importlib.import_module(request.param)


keras_tuner = pytest.importorskip("keras_tuner")

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

HERE = Path(".nbkeras/tuning/search")


class Training:
    """A function to tune, which counts its fits and notes what it was given."""

    def __init__(self, keras, *, epochs=2, lr=None, build=True, **fit):
        self.keras, self.lr, self.build = keras, lr, build
        rng = np.random.default_rng(0)
        self.x = rng.random((24, 3)).astype("float32")
        self.fit = {"validation_split": 0.25, "batch_size": 18, "epochs": epochs, **fit}
        self.given, self.fits = [], 0

    def __call__(self, hp):
        keras = self.keras
        units = hp.Choice("units", [2, 3])
        lr = hp.Float("lr", 1e-3, 1e-1, sampling="log") if self.lr is None else self.lr
        layers = [keras.layers.Input((3,))] if self.build else []
        model = keras.Sequential([*layers, keras.layers.Dense(units), keras.layers.Dense(1)])
        # Unnamed on purpose: a second one in a process would be called mean_absolute_error_1.
        metrics = [keras.metrics.MeanAbsoluteError()]
        model.compile(keras.optimizers.SGD(lr), "mse", metrics=metrics)
        self.begun()
        model.fit(self.x, self.x.sum(axis=1), **self.fit)
        self.fits += 1
        self.given.append((units, lr))
        return model

    def begun(self):
        pass

    def value(self, model):
        """The validation loss of a model."""
        return float(np.mean((model.predict(self.x[18:], verbose=0)[:, 0] - self.x[18:].sum(axis=1)) ** 2))


@pytest.fixture(autouse=True)
def no_views_and_no_other_runs(monkeypatch):
    monkeypatch.setattr("nbkeras.runs.registry._runs", {})
    monkeypatch.setattr("nbkeras.training.tuning.searching.openers", [])


@pytest.mark.parametrize("tuner", ["random", "bayesian"])
def test_the_best_trials_model_has_the_weights_of_its_best_epoch(keras, tuner):
    # Such a rate makes each epoch worse than the one before.
    train = Training(keras, epochs=3, lr=0.9)
    found = nbkeras.tune(train, tuner=tuner, trials=2, seed=1)
    assert found.status == "finished"
    assert train.fits == 2
    best = found.best
    assert best.value == min(trial.value for trial in found.trials)
    assert best.epoch == 1 + int(np.argmin(best.history["val_loss"]))
    assert best.epoch < 3, "the last epoch is not to be the best one here"
    assert train.value(found.model) == pytest.approx(best.value, rel=1e-5)
    assert found.hp.values == best.values == found.values
    assert train.value(found.tuner.get_best_models()[0]) == pytest.approx(best.value, rel=1e-5)


def test_a_model_without_an_input_shape(keras):
    train = Training(keras, build=False)
    found = nbkeras.tune(train, trials=1)
    assert train.value(found.tuner.get_best_models()[0]) == pytest.approx(found.best.value, rel=1e-5)


def test_metrics_keep_their_names_and_the_dtype_policy_stays(keras):
    train = Training(keras, epochs=1)
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        found = nbkeras.tune(train, trials=2, objective="val_mean_absolute_error")
        assert keras.mixed_precision.global_policy().name == "mixed_bfloat16"
        assert found.model.layers[-1].compute_dtype == "bfloat16"
    finally:
        keras.mixed_precision.set_global_policy(before)
    assert [trial.status for trial in found.trials] == ["finished", "finished"]


def test_every_trial_is_a_run_and_the_search_is_one(keras):
    found = nbkeras.tune(Training(keras, epochs=1), trials=2, name="mine")
    listed = runs.all()
    assert [(run.name, run.kind, run.status) for run in listed] == [
        ("mine", "search", "finished"),
        ("mine 1", "fit", "finished"),
        ("mine 2", "fit", "finished"),
    ]
    search, *trials = listed
    assert search.history["val_loss"] == [trial.value for trial in found.trials]
    assert search.parameters["best trial"] == found.best.number
    assert search.parameters["best lr"] == found.values["lr"]
    for run, trial in zip(trials, found.trials, strict=True):
        assert run.id == trial.run
        assert run.parameters["search"] == search.id
        assert {name: run.parameters[name] for name in trial.searched} == trial.searched


def test_the_log_tells_of_a_search_what_it_was(keras, tmp_path):
    class Failing(Training):
        def begun(self):
            if self.fits == 1 and not self.failed:
                self.failed = True
                raise ValueError("no memory")

    train = Failing(keras, epochs=2)
    train.failed = False
    found = nbkeras.tune(train, trials=3, seed=3, objective="val_mean_absolute_error")
    assert sorted(trial.status for trial in found.trials) == ["failed", "finished", "finished"]
    told = recalled(runs.get("search"))
    assert (told.name, told.status, told.tuner_name, told.objective, told.total) == (
        *("search", "finished", "random", found.objective, 3),
    )
    for name in ("number", "status", "value", "epoch"):
        assert [getattr(each, name) for each in told.trials] == [getattr(each, name) for each in found.trials]
    of_log = [each.searched for each in told.trials if each.status == "finished"]
    assert of_log == [each.searched for each in found.trials if each.status == "finished"]
    assert told.best.number == found.best.number
    assert told.notes == found.notes


def test_a_search_that_goes_on_is_shown_again(keras, capsys):
    class Looking(Training):
        def begun(self):
            if self.fits == 1:
                show_again(runs.get("search"))

    nbkeras.tune(Looking(keras, epochs=1), trials=3, seed=3)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in said[:3]] == [["trial", "1/3"], ["trial", "2/3"], ["trial", "3/3"]]
    assert said[3].startswith("search: finished, random, 3 trials")


def test_the_same_seed_tries_the_same_values():
    import keras

    tried = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        train = Training(keras, epochs=1)
        nbkeras.tune(train, trials=1, seed=seed, name=name)
        tried.append(train.given)
    assert tried[0] == tried[1] != tried[2]


def test_values_by_name_and_a_whole_grid():
    import keras

    tried = []

    def train(units, rate):
        tried.append((units, rate))
        model = keras.Sequential(
            [keras.layers.Dense(units), keras.layers.Dropout(rate), keras.layers.Dense(1)]
        )
        model.compile("sgd", "mse")
        model.fit(np.ones((8, 2)), np.ones(8), validation_split=0.5, verbose=0)

    found = nbkeras.tune(train, "units=2|3 rate=0.0|0.5", tuner="grid")
    # The first call is the probe, which fits nothing.
    assert sorted(tried[1:]) == [(u, r) for u in (2, 3) for r in (0.0, 0.5)]
    assert found.total == len(found.trials) == 4
    # Its code calls the function with the best values.
    code, call = found.tuner.best_code.split("\n\n\n")
    best = found.best.searched
    assert call == f"train(units={best['units']}, rate={best['rate']})\n"
    exec(code, {"keras": keras, "np": np, "tried": tried})  # noqa: S102 - as a notebook does


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


def test_epochs_that_count_for_nothing_are_said():
    import keras

    found = nbkeras.tune(Training(keras, epochs=1), epochs=3, trials=1)
    assert len(found.best.history["loss"]) == 1
    assert "--epochs 3 counts for nothing: the fit itself says epochs=1" in found.notes
    alike = nbkeras.tune(Training(keras, epochs=1), epochs=1, trials=1, restart=True)
    assert not any("counts for nothing" in note for note in alike.notes)


def test_values_that_only_some_choices_ask_for():
    import keras

    def train(hp):
        layers = [keras.layers.Dense(1)]
        kind = hp.Choice("kind", ["plain", "deep"])
        with hp.conditional_scope("kind", ["deep"]):
            if kind == "deep":
                layers.insert(0, keras.layers.Dense(hp.Choice("units", [2, 3])))
        model = keras.Sequential(layers)
        model.compile("sgd", "mse")
        model.fit(np.ones((8, 2)), np.ones(8), validation_split=0.5, verbose=0)

    found = nbkeras.tune(train, tuner="grid")
    assert [trial.searched for trial in found.trials] == [
        {"kind": "plain"},
        {"kind": "deep", "units": 2},
        {"kind": "deep", "units": 3},
    ]


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


def test_a_search_of_few_values_ends_when_all_were_tried():
    import keras

    found = nbkeras.tune(Training(keras, epochs=1, lr=0.1), trials=5)
    assert found.total == 2
    assert sorted(trial.values["units"] for trial in found.trials) == [2, 3]


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


def test_views_are_told_and_a_broken_one_is_dropped(monkeypatch):
    import keras

    told = []

    class View:
        def on_trial(self, search):
            told.append(("trial", len(search.trials), search.status))

        def on_progress(self, search):
            pass

        def on_end(self, search):
            told.append(("end", search.status, search.best is not None))

    class Broken(View):
        def on_trial(self, search):
            raise OSError("no terminal")

    monkeypatch.setattr(
        "nbkeras.training.tuning.searching.openers", [lambda search: Broken(), lambda search: View()]
    )
    found = nbkeras.tune(Training(keras, epochs=1), trials=1)
    assert told == [
        ("trial", 0, "running"),
        ("trial", 1, "running"),
        ("trial", 1, "running"),
        ("end", "finished", True),
    ]
    assert found.run.notes[-1] == "the search is not shown: OSError: no terminal"
