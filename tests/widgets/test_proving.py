"""`nbkeras.reproducible`: a function in place of a cell."""

from __future__ import annotations

import functools
import random
import re
import time

import numpy as np
import pytest

import nbkeras

seen: list[int] = []
rng = np.random.default_rng(1)
calls = 0


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request):
    return pytest.importorskip(request.param)


def small(keras):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_seeded_training_is_the_same(keras):
    x = np.random.default_rng(0).random((32, 4))

    def train():
        keras.utils.set_random_seed(1)
        model = small(keras)
        history = model.fit(x, x.sum(axis=1), epochs=2, verbose=0)
        return model, history

    proof = nbkeras.reproducible(train, runs=3)
    assert (proof.same, proof.runs, proof.compared) == (True, 3, "1 training and 1 value")
    assert proof.first_difference == proof.cause == proof.fix == ""
    assert len(proof.fingerprint) == 16
    assert proof.result[1].epoch == [0, 1]
    assert repr(proof).startswith("The same: 3 runs in this kernel gave the same bits in 1 training and ")
    assert "Not compared: what the function prints, draws and writes." in repr(proof)
    assert "The same: 3 runs" in proof._repr_mimebundle_()["text/html"]


def test_unseeded_training_is_named_with_the_line_of_the_file(keras):
    x = np.random.default_rng(0).random((32, 4))

    def train():
        keras.utils.set_random_seed(1)
        noise = np.random.default_rng().normal(size=x.shape)
        small(keras).fit(x + noise, x.sum(axis=1), verbose=0)

    proof = nbkeras.reproducible(train)
    assert proof.same is False
    assert proof.first_difference == "batch 1: the same places, other values"
    line = train.__code__.co_firstlineno + 2
    assert proof.cause == (
        f"unseeded NumPy: line {line}, np.random.default_rng() has no seed: it draws other numbers each time"
    )
    assert proof.fix == "`np.random.default_rng(1)`"


def grow():
    global calls  # noqa: PLW0603 - what is to be put back
    calls += 1
    seen.append(calls)
    return len(seen), rng.random()


def test_all_is_as_after_the_first_run():
    proof = nbkeras.reproducible(grow, runs=3)
    assert proof.same is False
    assert proof.cause.startswith("leftover state: ")
    assert (calls, seen, proof.result[0]) == (1, [1], 1)
    second = np.random.default_rng(1).random(2)[1]
    assert rng.random() == second


def test_what_a_function_of_the_same_file_draws_is_read():
    def inner():
        return draw()

    proof = nbkeras.reproducible(inner)
    assert proof.cause.startswith(
        "unseeded Python: the function draw, random.random() draws from Python's own"
    )


def draw():
    return random.random()  # noqa: S311 - a notebook's


def test_variables_of_an_outer_function_are_put_back():
    held = []

    def train():
        held.append(1)
        return len(held)

    proof = nbkeras.reproducible(train)
    assert proof.cause.startswith("leftover state: held, from an earlier cell: list of 0 items")
    assert held == [1]


def test_a_function_that_fails_again_is_named_and_its_own_error_is_raised():
    waiting = iter([1])
    proof = nbkeras.reproducible(lambda: next(waiting))
    assert proof.first_difference == "run 2 failed where run 1 did not: StopIteration: "
    with pytest.raises(ZeroDivisionError):
        nbkeras.reproducible(lambda: 1 / 0)


def test_nothing_to_compare_is_not_the_same(capsys):
    proof = nbkeras.reproducible(functools.partial(print, "said"))
    assert proof.same is None
    assert repr(proof).startswith("Nothing to compare: ")
    assert "Return what is to be compared." in repr(proof)
    assert capsys.readouterr().out == "said\n"


def test_a_time_is_a_difference_with_its_cause():
    assert nbkeras.reproducible(lambda: [time.time_ns()]).cause.startswith("clock: ")


@pytest.mark.parametrize(
    ("function", "runs", "words"),
    [
        (3, 2, "expected a function, received 3: give  nbkeras.reproducible(train)"),
        (
            lambda epochs: epochs,
            2,
            "<lambda> (missing a required argument: 'epochs'): give  lambda: train(…)",
        ),
        (draw, 1, "runs: expected a whole number of 2 or more, received 1"),
        (draw, "x", "runs: expected a whole number of 2 or more, received 'x'"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(function, runs, words):
    with pytest.raises(nbkeras.Refusal, match=re.escape(words)):
        nbkeras.reproducible(function, runs=runs)
