"""Searches of real models: what is tried, what is kept, and what is told of it."""

from __future__ import annotations

import numpy as np
import pytest

import nbkeras
from nbkeras import runs
from nbkeras.training.tuning.recalled import recalled
from nbkeras.widgets.again import show_again
from tests.training.tuning.training import Training

pytest.importorskip("keras_tuner")

# Keras 3.15 calls NumPy 2's __array__ in the old way when it saves.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")


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


def test_a_search_of_few_values_ends_when_all_were_tried():
    import keras

    found = nbkeras.tune(Training(keras, epochs=1, lr=0.1), trials=5)
    assert found.total == 2
    assert sorted(trial.values["units"] for trial in found.trials) == [2, 3]


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
