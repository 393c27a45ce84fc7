"""Values of a notebook's variables, and putting them back."""

from __future__ import annotations

import importlib
import itertools
import random
from types import SimpleNamespace

import numpy as np
import pytest

from nbkeras.reproducibility.proof.keeping import Kept
from nbkeras.reproducibility.proof.values import loose_digest, value_of, values_of


def advanced(iterator, steps):
    for _ in range(steps):
        next(iterator)
    return iterator


def count_up():
    number = 0
    while True:
        number += 1
        yield number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1, 2], [2, 1]),
        ([1], (1,)),
        ("1", 1),
        (1, 1.0),
        (np.zeros(2), np.zeros(2, "float32")),
        ({"a": 1}, {"a": 2}),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (random.Random(1), random.Random(2)),  # noqa: S311 - a notebook's
        (advanced(iter([1, 2]), 0), advanced(iter([1, 2]), 1)),
        (itertools.count(1), itertools.count(2)),
        (advanced(count_up(), 1), advanced(count_up(), 2)),
        (SimpleNamespace(rate=1), SimpleNamespace(rate=2)),
    ],
)
def test_other_values_have_other_digests(one, other):
    assert value_of(one).digest == value_of(one).digest
    assert value_of(one).digest != value_of(other).digest


def test_counters_of_metrics_are_no_difference():
    one, again = {"loss": [0.5], "auc": [0.25]}, {"loss": [0.5], "auc_1": [0.25]}
    assert value_of(one).digest == value_of(again).digest
    assert value_of({"layer": 1}).digest != value_of({"layer_1": 1}).digest


def test_order_alone_is_told_apart():
    one, other = value_of({"a": 1, "b": 2}), value_of({"b": 2, "a": 1})
    assert one.digest != other.digest
    assert one.loose == other.loose
    rows = np.arange(6).reshape(3, 2)
    assert loose_digest(rows) == loose_digest(rows[::-1]) != loose_digest(rows.T.reshape(3, 2))


def test_what_has_no_value_is_left_out():
    loop: list[object] = []
    loop.append(loop)
    names = {
        "f": len,
        "m": random,
        "c": dict,
        "g": map(len, []),
        "o": object(),
        "l": [object()],
        "loop": loop,
        "n": None,
    }
    assert list(values_of(names, names)) == ["n"]


def test_everything_is_put_back():
    rng, own = np.random.default_rng(1), random.Random(1)  # noqa: S311 - a notebook's
    items, table, words, array = [1], {"a": 1}, {"w"}, np.zeros(2)
    names = {"items": items, "table": table, "words": words, "array": array, "rng": rng, "own": own, "n": 1}
    kept = Kept(names, list(names))
    shared = (random.random(), np.random.random())  # noqa: NPY002, S311 - the shared ones
    drawn = (rng.random(), own.random())
    items.append(2)
    table.clear()
    words.add("x")
    array += 1
    names |= {"n": 2, "new": 3, "items": None}
    kept.put_back(list(names))
    assert names["items"] is items
    assert (items, table, words, array.tolist(), names["n"]) == ([1], {"a": 1}, {"w"}, [0, 0], 1)
    assert "new" not in names
    assert (rng.random(), own.random()) == drawn
    assert (random.random(), np.random.random()) == shared  # noqa: NPY002, S311 - the shared ones


@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_a_model_that_has_not_been_called_has_a_value_and_another_one_afterwards(line):
    keras = importlib.import_module(line)
    model = keras.Sequential([keras.layers.RandomTranslation(0.5, 0.5)])
    before = value_of(model).digest
    assert value_of(model).digest == before
    model(np.ones((1, 2, 4, 1), "float32"), training=True)
    assert value_of(model).digest != before
