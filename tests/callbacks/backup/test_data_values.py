"""Digests of data: the same values made anew have the same, other ones and another order have not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from nbkeras.callbacks.backup import data_values
from nbkeras.callbacks.backup.data_values import values_of


def value(data):
    return values_of({"x": data}).get("x")


@pytest.mark.parametrize(
    "made",
    [
        lambda rows: rows,
        tf.constant,
        lambda rows: [rows, rows[:, 0]],
        lambda rows: {"a": rows.T, "b": None},
        lambda rows: pd.DataFrame(rows, columns=["a", "b"]),
        lambda rows: pd.DataFrame({"a": rows[:, 0], "b": [f"{each}" for each in rows[:, 1]]}),
        lambda rows: pd.Series(rows[:, 1]),
        lambda rows: np.array([f"{each}" for each in rows[:, 0]], object),
        lambda rows: tf.data.Dataset.from_tensor_slices((rows, rows)).shuffle(9, seed=1).batch(2),
    ],
)
def test_values_and_order_count(made):
    rows = np.random.default_rng(1).random((9, 2))
    changed, moved = rows.copy(), rows[::-1]
    changed[4] += 1e-9
    assert value(made(rows)) == value(made(rows.copy()))
    assert len({value(made(each)) for each in (rows, changed, moved)}) == 3


def test_what_has_no_values_has_no_digest():
    texts = tf.data.Dataset.from_tensor_slices(["a/b", "c/d"])
    ragged = tf.ragged.constant([[1], [1, 2]])
    assert values_of({"a": None, "b": iter(()), "c": range(3), "d": texts, "e": ragged, "f": [1, 2]}) == {}


def test_of_large_arrays_a_part_is_read(monkeypatch):
    read = []
    update = data_values._update

    def reading(digest, part):
        read.append(part)
        update(digest, part)

    monkeypatch.setattr(data_values, "_update", reading)
    rng = np.random.default_rng(1)
    for shape in [(10**6, 3), (40, 100_000), (3, 10**6), (1, 3 * 10**6), (3 * 10**6,)]:
        rows = rng.random(shape)
        read.clear()
        first = value(rows)
        assert data_values.WHOLE / 3 < sum(part.nbytes for part in read) <= data_values.WHOLE
        assert len(read) <= 2 * data_values.BLOCKS
        assert value(rows.copy()) == first
        # Both ends are read, and another draw shows wherever it is.
        for place in (0, -1):
            other = rows.copy()
            other.reshape(-1)[place] += 1
            assert value(other) != first
        assert value(rng.random(shape)) != first
        assert value(rows.astype("float32")) != first
