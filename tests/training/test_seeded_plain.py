"""``--seed --code``: the printed code gives the same bits as the armed cell."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import nbkeras
from nbkeras.reproducibility import seeding
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code

MODEL = """
layers = keras.layers
model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dropout(0.5), layers.Dense(1)])
model.compile("adam", "mse")
"""


@pytest.fixture(autouse=True)
def no_seed_before(monkeypatch):
    from tensorflow.python.framework import config

    monkeypatch.setattr(seeding, "_seeded", seeding._Seeded())
    yield
    config.disable_op_determinism()


def written(cell, namespace=None, **options):
    code = plain_code(cell, fit_options(**options), namespace or {})
    ast.parse(code)
    return code


@pytest.mark.parametrize(
    "fits",
    [
        "history = model.fit(x, y, epochs=3, batch_size=16)",
        "history = model.fit(x, y, 16, 3, validation_split=0.25)",
        "model.fit(x, y=y, shuffle=True)\nhistory = model.fit(x=x, y=y, epochs=2)",
        "for _ in range(3):\n    history = model.fit(x, y)",
    ],
    ids=["plain", "split", "two", "loop"],
)
def test_printed_code_gives_the_same_bits(keras, data, fits, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(keras.__name__ == "tf_keras")))
    # What Keras makes floatx of, and integers.
    known = {"keras": keras, "x": data[0].astype("float64"), "y": data[1]}
    armed, plain = dict(known), dict(known)
    with nbkeras.fitting(seed=7, quiet=True):
        exec(MODEL + fits, armed)  # noqa: S102 - as a notebook does
    code = written(MODEL + fits, known, seed=7)
    exec(code.replace("shuffle=False", "shuffle=False, verbose=0"), plain)  # noqa: S102
    assert plain["history"].history == armed["history"].history
    for ours, theirs in zip(armed["model"].get_weights(), plain["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_is_no_array_is_left_as_it_is(data):
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices(data).batch(8)
    code = written("model.fit(batches)", {"batches": batches}, seed=7)
    assert code.endswith("keras.utils.set_random_seed(7)\n" + code.partition("set_random_seed(7)\n")[2])
    assert "model.fit(batches)" in code
    assert "in_order" not in code


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("fit(x, y, class_weight={0: 2.0})", "because of class_weight"),
        ("fit(x, y, steps_per_epoch=3)", "because of steps_per_epoch"),
        ("fit([x, z], y)", "because of its data"),
        ("fit(*data)", "may be arrays"),
        ("fit(x, y, shuffle=maybe)", "because of shuffle"),
        ("fit(x)", "x may be arrays"),
        ("fit(load(), y, validation_split=0.1)", "because of validation_split"),
    ],
)
def test_what_cannot_be_written_is_said(call, words):
    code = written(f"model.{call}", seed=7)
    (comment,) = [line for line in code.splitlines() if line.startswith("# nbkeras")]
    assert words in comment
    assert f"model.{call}" in code


def test_what_is_not_shuffled_is_as_it_was():
    assert "model.fit(x, y, shuffle=False)" in written("model.fit(x, y, shuffle=False)", seed=7)
    assert "# nbkeras" not in written("model.fit(x, y, shuffle=False)", seed=7)
