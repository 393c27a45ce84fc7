"""What a cell says about its randomness, and what it doesn't."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from nbkeras.reproducibility.proof.names import reached
from nbkeras.reproducibility.proof.source import Source

NAMES = {"np": np, "time": time, "random": random}


@pytest.mark.parametrize(
    ("text", "kind", "inside"),
    [
        ("seed = int(time.time())", "clock", "call"),
        ("seed = time.time_ns() % 7", "clock", "sum"),
        ("start = time.time()", "clock", "name"),
        ("spent = time.time() - start", "clock", "difference"),
        ("print(time.time() - start)", "clock", "text"),
        ("time.sleep(random.SystemRandom().random() * 2)", "system", "text"),
        ("run(f'logs/{time.time()}')", "clock", "text"),
        ("from datetime import datetime\nrun(datetime.now().strftime('%H'))", "clock", "text"),
        ("from time import time as now\nx = int(now())", "clock", "call"),
        ("x = np.random.default_rng()", "NumPy generator", "name"),
        ("x = np.random.normal()", "NumPy", "name"),
        ("x = random.random()", "Python", "name"),
        ("import tensorflow as t\nx = t.image.random_flip_left_right(x)", "augmentation", "name"),
        ("from tensorflow import keras\nx = keras.layers.RandomFlip()", "augmentation", "name"),
        ("import tensorflow as tf\nd.map(tf.image.random_flip_up_down)", "augmentation", ""),
        ("for word in {'a', 'b'}: pass", "set", ""),
        ("import tempfile\nfolder = tempfile.mkdtemp()", "system", "name"),
        ("times.append(time.time())", "clock", "list"),
        ("note = open('note.txt', 'a')", "writes", "name"),
        ("note = open('note.txt')", "reads", "name"),
        ("d.map(f, num_parallel_calls=4, deterministic=False)", "unordered", ""),
        ("options.deterministic = False", "unordered", ""),
        ("fit(data, workers=4)", "threads", ""),
        ("layers.LSTM(4, recurrent_dropout=0.5)", "dropout", ""),
    ],
)
def test_evidence(text, kind, inside):
    found = Source(text, NAMES).of_kind(kind)
    assert [each.inside for each in found] == [inside]


@pytest.mark.parametrize(
    "text",
    [
        "time.sleep(1)",
        "x = sorted(set(words)); n = len({1, 2}); ok = 'a' in {'a', 'b'}",
        "d.map(f, deterministic=True)",
        "fit(data, workers=1)",
        "rng.random()",
        "model.set(1)",
        "not python !",
    ],
)
def test_no_evidence(text):
    assert Source(text, {**NAMES, "rng": np.random.default_rng(1)}).evidence == []


def test_a_generator_with_its_seed_says_so():
    text = "a = np.random.default_rng()\nb = np.random.default_rng(1)\nc = np.random.default_rng(seed=None)"
    found = Source(text, NAMES, first_line=2).of_kind("NumPy generator")
    assert [(each.line, "seed" in each.given) for each in found] == [(2, False), (3, True), (4, False)]


def test_the_last_call_of_a_chain_is_shown_with_its_line():
    (found,) = Source("data = (d.batch(4)\n    .map(f, deterministic=False))", {}).of_kind("unordered")
    assert (found.line, found.text) == (2, "….map(f, deterministic=False)")


def test_free_names_are_those_of_earlier_cells():
    text = (
        "count += 1\nown = given\nown.append(later)\nlater = 1\n"
        "def f(a):\n    return a + outer + own\nmodel.fit(f(own))"
    )
    source = Source(text, {})
    assert set(source.free) - {"a"} == {"count", "given", "later", "outer", "model"}
    assert source.makes == {"count", "own", "later", "f"}
    assert source.last_fit == 7


def test_functions_of_earlier_cells_are_looked_into():
    names: dict[str, object] = {"data": 1, "other": 2}
    exec(  # noqa: S102 - a cell
        "def load():\n    return [inner() for _ in range(2)]\ndef inner():\n    return data\n"
        "class Model:\n    def call(self):\n        return load()",
        names,
    )
    assert reached(["Model"], names) == {"Model", "load", "inner", "data"}


@pytest.mark.parametrize(
    ("text", "timed"),
    [
        ("start = time.time()\nend = time.time()\ntook = end - start", {"start", "end", "took"}),
        ("took = time.time() - start\nrate = time.time() % 1", {"took"}),
        ("times = []\nmodel.fit(x, callbacks=[Each(lambda: times.append(time.time()))])", {"times"}),
        ("import tempfile\nfolder = tempfile.mkdtemp()", {"folder"}),
        ("seed = int(time.time())\nscale = 1 + seed", set()),
    ],
)
def test_names_that_hold_a_time_alone(text, timed):
    assert Source(text, NAMES).timed == timed
