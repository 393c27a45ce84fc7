from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

from nbkeras.runs.log.chunks import FAN, FULL, STEP_AXIS, ChunkedSeries, joined
from nbkeras.runs.log.schema import open_for_writing
from nbkeras.runs.series import StepSeries


@pytest.fixture
def connection(tmp_path):
    with closing(open_for_writing(tmp_path / "runs.sqlite")) as connection:
        yield connection


def write(connection, series, sizes):
    step = 0
    for size in sizes:
        steps = np.arange(step, step + size)
        step += size
        connection.execute("BEGIN IMMEDIATE")
        series.append(connection, StepSeries(steps, np.sqrt(steps)))
        connection.execute("COMMIT")
    return np.arange(step)


def read(connection, metric=0):
    return joined(
        connection.execute(
            "SELECT count, steps, data FROM chunks WHERE metric = ? ORDER BY number", (metric,)
        )
    )


@pytest.mark.parametrize("size", [1, 5, 700, 30_000])
def test_a_long_series_comes_back_whole_from_few_rows(connection, size):
    commits = 1000 if size < 100 else 60
    steps = write(connection, ChunkedSeries(1, STEP_AXIS, 0), [size] * commits)
    whole = read(connection)
    np.testing.assert_array_equal(whole.steps, steps)
    np.testing.assert_array_equal(whole.values, np.sqrt(steps))
    (rows,) = connection.execute("SELECT count(*) FROM chunks").fetchone()
    levels = 1 + int(np.log(commits) / np.log(FAN))
    assert rows <= levels * (FAN - 1) + len(steps) // FULL + 1


@pytest.mark.parametrize("seed", range(5))
def test_commits_of_any_size_keep_the_order(connection, seed):
    random = np.random.default_rng(seed)
    sizes = random.choice([1, 3, 50, 4000, 20_000], 150, p=[0.4, 0.3, 0.2, 0.08, 0.02])
    steps = write(connection, ChunkedSeries(1, STEP_AXIS, 0), sizes.tolist())
    np.testing.assert_array_equal(read(connection).steps, steps)


def test_series_do_not_mix(connection):
    one, other = ChunkedSeries(1, STEP_AXIS, 0), ChunkedSeries(1, STEP_AXIS, 1)
    for _ in range(FAN + 1):
        write(connection, one, [2])
        write(connection, other, [3])
    assert (len(read(connection, 0)), len(read(connection, 1))) == (2 * (FAN + 1), 3 * (FAN + 1))


def test_after_a_rollback_the_state_can_be_put_back(connection):
    series = ChunkedSeries(1, STEP_AXIS, 0)
    steps = write(connection, series, [4] * (FAN - 1))
    state = series.state
    connection.execute("BEGIN IMMEDIATE")
    series.append(connection, StepSeries(np.array([99]), np.array([9.9])))
    connection.execute("ROLLBACK")
    series.state = state
    more = np.arange(len(steps), len(steps) + 4)
    series.append(connection, StepSeries(more, np.sqrt(more)))
    np.testing.assert_array_equal(read(connection).steps, np.arange(len(steps) + 4))


def test_no_rows_make_an_empty_series():
    empty = joined([])
    assert (empty.steps.dtype, empty.values.dtype, len(empty)) == (np.int64, np.float64, 0)
