from __future__ import annotations

import sys

import numpy as np
import pytest

from nbkeras.runs.series import POINTS, Series, decimated

LENGTHS = [0, 1, 2, 5, 63, 64, 65, 1023, 1024, 1025, 1999, 2000, 2001, 2048, 4097, 30_000]


def stream(limit, steps, values):
    series = Series(limit)
    for step, value in zip(steps.tolist(), values.tolist(), strict=True):
        series.append(step, value)
    return series.points()


def at_once(limit, steps, values):
    return decimated(steps, values, limit)


def samples(length, seed, odd=0.02):
    random = np.random.default_rng(seed)
    steps = np.cumsum(random.integers(1, 9, length))
    values = np.cumsum(random.normal(size=length))
    for what in (np.nan, np.inf, -np.inf):
        values[random.random(length) < odd / 3] = what
    return steps, values


@pytest.mark.parametrize("way", [stream, at_once])
@pytest.mark.parametrize("limit", [4, 64, 2000])
@pytest.mark.parametrize("length", LENGTHS)
def test_the_picture_keeps_what_matters(way, limit, length):
    steps, values = samples(length, seed=length)
    points = way(limit, steps, values)
    assert len(points) <= limit
    assert points.steps.dtype == np.int64
    assert points.values.dtype == np.float64
    assert (np.diff(points.steps) > 0).all()
    # Each point is a sample, untouched.
    where = np.searchsorted(steps, points.steps)
    np.testing.assert_array_equal(steps[where], points.steps)
    np.testing.assert_array_equal(values[where], points.values)
    if not length:
        return
    assert points.steps[-1] == steps[-1]
    finite, kept = values[np.isfinite(values)], points.values[np.isfinite(points.values)]
    if len(finite):
        assert (kept.min(), kept.max()) == (finite.min(), finite.max())
    assert np.isfinite(points.values).all() == np.isfinite(values).all()


@pytest.mark.parametrize("way", [stream, at_once])
def test_every_stretch_keeps_its_extremes_and_its_odd_values(way):
    steps = np.arange(50_000)
    values = np.sin(steps / 900) + np.random.default_rng(1).normal(size=50_000) * 0.1
    values[[7, 12_345, 49_000]] = np.nan, np.inf, -np.inf
    points = way(2000, steps, values)
    # Stretches that any bucket of up to 128 samples fits into.
    for begin in range(0, 49_152, 1024):
        here = (points.steps >= begin) & (points.steps < begin + 1024)
        kept, whole = points.values[here], values[begin : begin + 1024]
        assert np.nanmin(kept[np.isfinite(kept)]) == whole[np.isfinite(whole)].min()
        assert np.nanmax(kept[np.isfinite(kept)]) == whole[np.isfinite(whole)].max()
        np.testing.assert_array_equal(kept[~np.isfinite(kept)], whole[~np.isfinite(whole)])


def test_all_values_odd():
    values = np.full(10_000, np.nan)
    points = stream(100, np.arange(10_000), values)
    assert 50 <= len(points) <= 100
    assert np.isnan(points.values).all()


def test_short_series_come_whole():
    steps, values = samples(1000, seed=3)
    points = stream(POINTS, steps, values)
    np.testing.assert_array_equal(points.steps, steps)
    np.testing.assert_array_equal(points.values, values)


def test_points_are_spread_evenly_over_a_long_stream():
    steps = np.arange(300_000)
    points = stream(2000, steps, np.random.default_rng(5).normal(size=300_000))
    assert len(points) > 1000
    halves = np.searchsorted(points.steps, [75_000, 150_000, 225_000])
    shares = np.diff([0, *halves, len(points)])
    assert shares.max() < 1.5 * shares.min()


def test_memory_does_not_grow_with_the_stream():
    def size(series):
        lists = sys.getsizeof(series._steps) + sys.getsizeof(series._values)
        return lists + series._table.nbytes

    series = Series()
    sizes = []
    for step in range(200_000):
        series.append(step, float(step % 977))
        if step % 10_000 == 9_999:
            sizes.append(size(series))
    assert max(sizes) < 200_000


def test_a_picture_does_not_change_the_stream():
    steps, values = samples(30_000, seed=9)
    plain, looked_at = Series(100), Series(100)
    for step, value in zip(steps.tolist(), values.tolist(), strict=True):
        plain.append(step, value)
        looked_at.append(step, value)
        if step % 701 == 0:
            looked_at.points()
    np.testing.assert_array_equal(plain.points().steps, looked_at.points().steps)
    np.testing.assert_array_equal(plain.points().values, looked_at.points().values)


def test_two_samples_of_one_step_are_both_kept():
    points = stream(10, np.array([5, 5]), np.array([1.0, 2.0]))
    np.testing.assert_array_equal(points.values, [1.0, 2.0])


@pytest.mark.parametrize("limit", [5, 6, 7, 30])
def test_each_bucket_of_the_final_width_keeps_its_extremes(limit):
    values = np.random.default_rng(limit).normal(size=70_000)
    series = Series(limit)
    for step, value in enumerate(values.tolist()):
        series.append(step, value)
        if step % 5000 == 4999:
            assert len(series.points()) <= limit
            whole = values[: step + 1]
            rows = [*series._table, *([] if series._open is None else series._open)]
            width = series._width
            for place, row in enumerate(rows):
                filled = width if place < len(series._table) else series._opened
                bucket = whole[place * width : place * width + filled]
                assert (row[1], row[3]) == (bucket.min(), bucket.max())
