"""``--code``: the printed code trains exactly as the armed cell does, and keeps the cell's own text."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import nbkeras
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code


def written(cell, namespace=None, **options):
    code = plain_code(cell, fit_options(**options), namespace or {})
    ast.parse(code)
    return code


def test_nothing_asked_leaves_the_cell_as_it_is():
    cell = "# mine\nhistory = model.fit(x, y)  # here\n"
    assert written(cell) == cell


def test_options_become_arguments_and_callbacks():
    assert written("history = model.fit(x, y)", epochs=3, early_stopping=2) == (
        "import keras\n\n"
        "history = model.fit(x, y,\n"
        "    epochs=3,\n"
        "    callbacks=[\n"
        '        keras.callbacks.EarlyStopping(monitor="loss", patience=2, mode="min",'
        " restore_best_weights=True),\n"
        "    ],\n"
        ")"
    )


@pytest.mark.parametrize(
    "call",
    [
        "fit(x, y,)",
        "fit((x), (y))",
        "fit()",
        "fit(\n    x,  # the data\n    y,  # labels, (all)\n)",
        "fit(x, y, callbacks=[mine])",
        "fit(x, y, callbacks=mine, validation_split=0.1)",
        "fit(*data, **more)",
        "fit(daten, größe)  # é",
    ],
)
def test_every_way_to_write_a_call(call):
    code = written(f"history = model.{call}", epochs=3, csv="log.csv")
    tree = ast.parse(code)
    made = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "attr", "") == "fit")
    names = [keyword.arg for keyword in made.keywords]
    assert names.count("epochs") == 1
    assert names.count("callbacks") == 1


def test_what_the_call_says_stays():
    assert "epochs=3" not in written("model.fit(x, y, epochs=7)", epochs=3)
    assert "epochs=3" not in written("model.fit(x, y, 32, 7)", epochs=3)
    assert "batch_size" not in written("model.predict(x, 64)", batch_size=8)
    assert 'monitor="val_loss"' in written("model.fit(x, y, validation_split=0.1)", early_stopping=1)


def test_other_things_with_a_fit_are_left_alone():
    class Scaler:
        def fit(self, x):
            return self

    cell = "scaler.fit(x)\nsuper().fit(x)\n"
    assert written(cell, {"scaler": Scaler()}, epochs=3) == cell


def test_imports_only_what_is_missing(keras):
    name = keras.__name__
    namespace = {"keras": keras} if name == "keras" else {}
    code = written("model.fit(x)", namespace, csv="a.csv")
    assert ("import keras" in code) is (name != "keras")
    assert written("import keras\nmodel.fit(x)", csv="a.csv").count("import keras") == 1


def test_code_trains_as_the_cell_does(data, tmp_path):
    """Executed, the printed code gives the same weights, history and files as the armed call."""
    import keras

    def model():
        keras.utils.set_random_seed(3)
        model = keras.Sequential([keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    cell = "history = model.fit(x, y, validation_split=0.25)"
    options = {
        "epochs": 4,
        "batch_size": 16,
        "early_stopping": 2,
        "csv": tmp_path / "log.csv",
        "max_time": 600,
    }
    x, y = data
    armed = {"model": model(), "x": x, "y": y}
    with nbkeras.fitting(quiet=True, **options):
        exec(cell, armed)  # noqa: S102 - as a notebook does
    log = (tmp_path / "log.csv").read_text()
    plain = {"model": model(), "x": x, "y": y}
    exec(written(cell, plain, **options).replace("epochs=4", "epochs=4, verbose=0"), plain)  # noqa: S102
    assert plain["history"].history == armed["history"].history
    assert (tmp_path / "log.csv").read_text() == log
    for ours, theirs in zip(armed["model"].get_weights(), plain["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
