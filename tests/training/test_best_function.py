"""The code that `nbkeras.tune` gives of a function: it calls it with the best values."""

from __future__ import annotations

import functools

import pytest

from nbkeras.training.tuning.best_function import best_function
from nbkeras.training.tuning.options import tune_options

VALUES = {"lr": 0.25, "units": 5, "tuner/epochs": 7}


class Model:
    def fit(self, *args, epochs=1, **kwargs):
        return args, epochs


def by_name(lr, units, model):
    return lr, units, Model().fit(model)


def by_hp(hp):
    return hp.Float("lr", 1e-3, 1.0, sampling="log"), hp.Int(name="units", min_value=1, max_value=9)


def by_another_name(h: object):
    # Asked twice, in two ways.
    return [h.Float("lr", 0.0, 1.0), h.Choice("units", [4, 5]), Model().fit("x", epochs=3)]


def with_more(hp, note="n"):
    return hp.Float("lr", 0.0, 1.0), hp.get("units"), note


def called(code):
    """Run the code and return what its last line gives."""
    above, call = code.rsplit("\n\n\n", 1)
    space = {"Model": Model}
    exec(above, space)  # noqa: S102 - as a notebook does
    return eval(call, space)  # noqa: S307 - the same


def test_values_by_name():
    options = tune_options(search="lr=0..1 units=4|5 model=a|b", tuner="hyperband")
    code = best_function(by_name, options, {**VALUES, "model": "b"})
    assert code.endswith("\n\n\nby_name(lr=0.25, units=5, model='b')\n")
    assert called(code) == (0.25, 5, (("b",), 7))


@pytest.mark.parametrize(
    ("train", "expected"),
    [(by_hp, (0.25, 5)), (by_another_name, [0.25, 5, (("x",), 7)])],
)
def test_values_stand_where_hp_was_asked_for_them(train, expected):
    code = best_function(train, tune_options(), VALUES)
    assert "hp" not in code.replace(train.__name__, "")
    assert code.endswith(f"\n\n\n{train.__name__}()\n")
    assert called(code) == expected


def test_a_function_that_does_more_with_hp_gets_one():
    pytest.importorskip("keras_tuner")
    code = best_function(with_more, tune_options(), VALUES)
    assert called(code) == (0.25, 5, "n")


def test_what_it_needs_of_the_function_around_it_is_said():
    data = 3

    def train(lr):
        return lr * data

    code = best_function(train, tune_options(search="lr=0..1"), VALUES)
    assert code.startswith("# It needs data of the function around it.\ndef train(lr):\n    return")


def made():
    space = {}
    exec("def train(hp): pass", space)  # noqa: S102 - a function without a source
    return space["train"]


@pytest.mark.parametrize(
    ("train", "why"),
    [
        (lambda hp: hp, "received a lambda"),
        (made(), "received train, whose source is not to be had"),
        (functools.partial(by_hp), "partial is no plain function"),
        (Model().fit, "method is no plain function"),
    ],
)
def test_why_there_is_none_is_said(train, why):
    code = best_function(train, tune_options(), VALUES)
    assert code.startswith("# There is no code of the best values: ")
    assert code.endswith(f"{why}.\n")
    assert code.count("\n") == 1
