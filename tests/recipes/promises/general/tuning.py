"""Trials are of the space and follow from the seed; the model is the best one's; nothing old is reused."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from nbkeras import recipes
from nbkeras.recipes.notebook import Notebook

DATA = """
import numpy as np
inputs = np.random.default_rng(1).normal(size=(50, 2, 3)).astype("float32")
targets = inputs.sum(axis=(1, 2))
"""
_TENSORS = f"""{DATA}
import tensorflow as tf
tensor, kinds = tf.constant(inputs), tf.range(50) % 3
onehot, below, mean = np.eye(3)[kinds], np.asarray(kinds) - 1, targets
"""
_KINDS = {"x": "tensor", "y": "kinds", "task": "classes"}
SMALL = {"trials": 2, "epochs": 1, "units": "4,5"}
OTHERS = {"rate_low": 1e-3, "rate_high": 1e-2, "seed": 7, "directory": "searches", "project": "mine"}
OWN = [
    (
        {
            **SMALL,
            "x": "inputs",
            "y": "targets",
            "task": "numbers",
            "tuner": "hyperband",
            "epochs": 2,
            **OTHERS,
        },
        DATA,
    ),
    (
        {**SMALL, **_KINDS, "objective": "val_accuracy", "tuner": "bayesian"},
        _TENSORS,
    ),
    ({**SMALL, "again": "resume"}, ""),
    ({**SMALL, "again": "separate", "tuner": "grid"}, ""),
]


def costly(values):
    return values["trials"] == SMALL["trials"]


def before(values, variables):
    """Leave an old search of other values behind."""
    if values["again"] != "resume" and values["tuner"] in {"random", "grid"} and not values["x"]:
        _run({**values, "again": "overwrite", "units": "7", "trials": 1, "epochs": 1}, dict(variables))


def kept(values, variables, line):
    tuner = variables["tuner"]
    trials = list(tuner.oracle.trials.values())
    assert all(trial.status == "COMPLETED" for trial in trials)
    if values["tuner"] != "hyperband":
        assert len(trials) == values["trials"]
    for trial in trials:
        tried = trial.hyperparameters.values
        assert tried["units"] in map(int, values["units"].split(","))
        assert values["rate_low"] <= tried["learning_rate"] <= values["rate_high"]

    best = (min if values["objective"] == "val_loss" else max)(trial.score for trial in trials)
    x, y = variables[values["x"] or "x"], variables[values["y"] or "y"]
    held_out = variables["validation"]
    x, y = np.asarray(x)[held_out], np.asarray(y)[held_out]
    measured = variables["model"].evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(measured[values["objective"].removeprefix("val_")], best, rtol=1e-3)

    places = {"overwrite": 1, "resume": 1, "separate": 2}
    assert len(list(Path(values["directory"]).iterdir())) == places[values["again"]]
    if values["y"] == "kinds":
        _refused(values, variables)
    if values["again"] == "resume":
        _goes_on(values, variables)
    elif values["again"] == "separate":
        shutil.rmtree(values["directory"])
        assert [_tried(trial) for trial in trials] == [
            _tried(trial) for trial in _run(values, dict(variables))
        ]


def _refused(values, variables):
    """Targets for which every trial would fail are refused; where one does, its last line is told."""
    notebook, recipe = Notebook(variables), recipes.get("tuning")
    said = [recipe.problems({**values, "y": name}, notebook) for name in ("onehot", "below", "mean")]
    assert [list(each) for each in said] == [["y"], ["task"], ["task"]]
    assert recipe.problems({**values, "task": "binary"}, notebook)["task"].endswith("received 0, 1, 2, …")
    with pytest.raises(RuntimeError, match=r"^every trial failed: .*\S$") as caught:
        _run({**values, "y": "onehot", "trials": 1, "project": "fails"}, dict(variables))
    shutil.rmtree(Path(values["directory"]) / "fails")
    assert "\n" not in str(caught.value)


def _goes_on(values, variables):
    first = {trial.trial_id for trial in variables["tuner"].oracle.trials.values()}
    more = _run({**values, "trials": 3}, dict(variables))
    assert len(more) == 3
    assert first < {trial.trial_id for trial in more}
    with pytest.raises(ValueError, match="another search space"):
        _run({**values, "units": "4,6"}, dict(variables))


def _run(values, variables):
    code = recipes.get("tuning").code(**values)
    exec(compile(code, "<again>", "exec"), variables)  # noqa: S102 - what the promise is about
    return list(variables["tuner"].oracle.trials.values())


def _tried(trial):
    return trial.hyperparameters.values
