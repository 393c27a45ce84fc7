from __future__ import annotations

import numpy as np
import pytest

from nbkeras.runs.log.codec import decode_steps, decode_values, encode_steps, encode_values

TOP = 2**62


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        ([7], 17),
        ([7, 8, 9, 10], 17),
        ([5, 5, 5], 17),
        ([9, 7, 5], 17),
        (range(0, 10**6, 100), 17),
        ([0, 1, 256], 1 + 8 + 2),
        ([0, 1, 257], 1 + 8 + 2 * 2),
        ([0, 1, 65536, 65537], 1 + 8 + 2 * 3),
        ([0, 1, 70000], 1 + 8 + 4 * 2),
        ([0, 1, TOP], 1 + 8 * 3),
        ([3, 1, 2], 1 + 8 * 3),
        ([-5, 1, 2], 1 + 8 + 2),
    ],
)
def test_steps_come_back_from_as_few_bytes_as_they_need(steps, size):
    steps = np.array(steps, np.int64)
    blob = encode_steps(steps)
    assert len(blob) == size
    back = decode_steps(blob, len(steps))
    assert back.dtype == np.int64
    np.testing.assert_array_equal(back, steps)


@pytest.mark.parametrize(
    ("values", "width"),
    [
        (np.float32([0.1, -1e30, 3]).tolist(), 4),
        ([np.nan, np.inf, -np.inf, 0.5], 4),
        ([0.1], 8),
        ([0.5, np.nan, 1e300], 8),
        ([1e-320, np.inf], 8),
        ([-0.0], 4),
    ],
)
def test_values_come_back_exactly(values, width):
    values = np.array(values)
    blob = encode_values(values)
    assert len(blob) == 1 + width * len(values)
    back = decode_values(blob)
    assert back.dtype == np.float64
    np.testing.assert_array_equal(back, values)
    np.testing.assert_array_equal(np.signbit(back), np.signbit(values))


@pytest.mark.parametrize("seed", range(20))
def test_any_series_comes_back(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 3000))
    steps = np.cumsum(random.integers(-1 if seed % 4 == 0 else 0, 10 ** (seed % 8), count))
    values = random.normal(size=count)
    if seed % 2:
        values = values.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(decode_steps(encode_steps(steps), count), steps)
    np.testing.assert_array_equal(decode_values(encode_values(values)), values)
