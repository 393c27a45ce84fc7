"""``%%tune --code``: plain KerasTuner code that really searches."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from nbkeras import Refusal
from nbkeras.training.tuning.best import best_cell
from nbkeras.training.tuning.options import tune_options
from nbkeras.training.tuning.plain import plain_search

pytest.importorskip("keras_tuner")
# KerasTuner 1.4.8 calls threading.currentThread; Keras 3.15 NumPy 2's __array__ in the old way.
pytestmark = [
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
]

CELL = '''\
"""Two
lines."""
lr = 0.1
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(lr), "mse")
{fit}
text = """
not indented
"""
'''
FIT = "history = model.fit(x, y, validation_split=0.25, verbose=0)"


def written(fit=FIT, **options):
    options = {"search": "lr=0.01..0.1 units=2|3", **options}
    code = plain_search(CELL.format(fit=fit), tune_options(**options), {})
    ast.parse(code)
    return code


def test_epochs_asked_for_are_hyperbands():
    said = FIT.replace("verbose=0", "verbose=0, epochs=2")
    assert "max_epochs=5," in written(said, tuner="hyperband", epochs=5)
    assert "max_epochs=2," in written(said, tuner="hyperband")


ASKS = """\
width = 3
model = keras.Sequential([keras.Input((3,))])
for _ in range(hp.Int("depth", 1, 3)):
    model.add(keras.layers.Dense(width))
model.add(keras.layers.Dense(1, hp.Choice(name="end", values=["relu", "tanh"])))
model.compile(keras.optimizers.SGD(lr), "mse")
{fit}
"""
VALUES = {"depth": 2, "end": "tanh", "lr": 0.25, "width": 5, "tuner/epochs": 3}


@pytest.mark.parametrize(
    ("options", "fit", "epochs"),
    [
        ({}, FIT, 1),
        ({}, FIT.replace("verbose", "epochs=2, verbose"), 2),
        ({"epochs": 4}, "history = model.fit(x, y,)", 4),
        ({"epochs": 4}, "history = model.fit(x, y, epochs=2)", 2),
        ({"tuner": "hyperband", "epochs": 4}, "history = model.fit(x, y, epochs=2)", 3),
        ({"tuner": "hyperband", "epochs": 4}, "history = model.fit(x, y, 16, 2)", 3),
        ({}, "for name in ['depth']:\n    again = hp.Int(name, 1, 3)\nhistory = model.fit(x, y)", 1),
    ],
)
def test_the_code_of_the_best_values_trains_that_model(keras, options, fit, epochs):
    tuned = tune_options(search="lr=0.01..0.5 width=3..6", **options)
    values = dict(VALUES) if options.get("tuner") else {k: v for k, v in VALUES.items() if "/" not in k}
    code = best_cell(ASKS.format(fit=fit), tuned, values)
    assert ("hp" in code) is ("again" in fit)
    x = np.random.default_rng(0).random((16, 3)).astype("float32")
    space = {"x": x, "y": x.sum(axis=1), "keras": keras}
    exec(code, space)  # noqa: S102 - as a notebook does
    assert [layer.units for layer in space["model"].layers] == [5, 5, 1]
    assert space["model"].layers[-1].activation.__name__ == "tanh"
    np.testing.assert_allclose(float(space["model"].optimizer.learning_rate), 0.25)
    assert space["history"].epoch == list(range(epochs))
    assert space.get("again", 2) == 2


@pytest.mark.parametrize("tuner", ["random", "hyperband", "grid"])
def test_the_code_searches(keras, monkeypatch, tuner):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    x = np.random.default_rng(0).random((16, 3)).astype("float32")
    space = {"x": x, "y": x.sum(axis=1), "keras": keras}
    options = {"random": {"trials": 2}, "hyperband": {"epochs": 2}, "grid": {"search": "units=2|3"}}[tuner]
    code = written(tuner=tuner, **options)
    exec(code, space)  # noqa: S102 - as a notebook does
    tuner_ = space["tuner"]
    assert [trial.status for trial in tuner_.oracle.trials.values()] == ["COMPLETED"] * 2
    best = tuner_.oracle.get_best_trials()[0]
    y = space["y"][12:]
    now = space["model"].evaluate(x[12:], y, verbose=0)
    assert now == pytest.approx(best.score, rel=1e-5)
    assert space["model"].layers[0].units == space["hp"]["units"]
    assert '"""\nnot indented\n"""' in code


@pytest.mark.parametrize(
    ("fit", "line"),
    [
        ("model.fit(x, y, 8, validation_split=0.2)", "history = model.fit("),
        ("losses = model.fit(x, y, validation_split=0.2).history", "losses = (history := model.fit("),
        ("history = model.fit(\n    x,\n    y,\n    validation_split=0.2,\n)", "history = model.fit("),
        ("history = model.fit(x, y, validation_data=v, callbacks=[mine])", "callbacks=[*[mine], best_model]"),
    ],
)
def test_each_way_to_call_fit(fit, line):
    code = written(fit)
    assert line in code
    calls = [
        n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call) and ast.unparse(n.func) == "model.fit"
    ]
    (call,) = calls
    assert [keyword.arg for keyword in call.keywords].count("callbacks") == 1


def test_hyperband_sets_the_epochs_of_the_call():
    code = written("history = model.fit(x, y, epochs=7, validation_split=0.2)", tuner="hyperband")
    assert 'epochs=hp["tuner/epochs"], validation_split=0.2' in code
    assert "max_epochs=7" in code


def test_what_the_cell_marks_is_declared_as_far_as_its_text_says_it():
    fit = FIT.replace("x, y", 'x, y, batch_size=hp.Int("batch", 8, 16), epochs=hp.Int("epochs", 1, most)')
    code = written(fit)
    space = code[code.index("space = ") : code.index("tuner = ")].splitlines()
    assert space[0] == "space = keras_tuner.HyperParameters()"
    assert sorted(space[1:]) == [
        'space.Choice("units", [2, 3])',
        'space.Float("lr", 0.01, 0.1)',
        'space.Int("batch", 8, 16)',
    ]


def test_options_stand_in_the_code():
    code = written(trials=4, seed=5, name="mine", directory="there", objective="val_loss:max", epochs=3)
    assert 'keras_tuner.Objective("val_loss", "max")' in code
    for each in ("max_trials=4,", "seed=5,", 'directory="there",', 'project_name="mine",', "epochs=3"):
        assert each in code


@pytest.mark.parametrize(
    ("fit", "options", "words"),
    [
        ("pass", {}, "expected one call of fit in the cell, outside of functions, received 0"),
        (f"{FIT}\n{FIT}", {}, "received 2"),
        (f"def train():\n    {FIT}", {}, "received 0"),
        ("model.fit(x, y)", {}, "expected a fit with validation data"),
        (FIT, {"tuner": "hyperband"}, "expected the most epochs that hyperband may give"),
    ],
)
def test_what_cannot_be_written_is_refused(fit, options, words):
    with pytest.raises(Refusal) as refusal:
        written(fit, **options)
    assert words in str(refusal.value)
