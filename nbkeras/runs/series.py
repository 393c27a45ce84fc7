"""Series of values: the whole ones, and streams of any length in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

POINTS = 2000
"""A view never gets more points of a series than this."""

_BATCH = 1024  # Samples folded at once; a power of two, as every bucket's width is.
_BLOCK = 65536

# A bucket is a row of six numbers: the step and value of its lowest sample, of its highest one,
# and of its first sample that is not finite. NaN as a step says that there is none.
_Table: TypeAlias = "NDArray[np.float64]"
_LOW, _HIGH, _ODD_STEP = 1, 3, 4
_NOTHING = np.array([[np.nan, np.inf, np.nan, -np.inf, np.nan, np.nan]])


@dataclass(frozen=True, slots=True, eq=False)
class StepSeries:
    """The values of one metric and the steps at which they were taken.

    Attributes:
        steps: int64 array, the total step number of each value.
        values: float64 array of the same length; NaN and infinity are values too.

    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the values."""
        return len(self.steps)


class Series:
    """A stream of values of any length, kept as at most so many points.

    Samples fall into buckets of equal width, of which the lowest and the
    highest value are kept, exact, with their steps, and the first one that is
    not finite. When there are too many, neighbours are merged, so that the
    width doubles. The last sample is always among the points.

    Example:
        >>> from nbkeras.runs.series import Series
        >>> series = Series(limit=100)
        >>> for step in range(100_000):
        ...     series.append(step, abs(step - 77_777.0))
        >>> points = series.points()
        >>> len(points) <= 100, float(points.values.min()), float(points.values.max())
        (True, 0.0, 77777.0)

    Args:
        limit: The most points, 4 or more.

    """

    __slots__ = ("_limit", "_open", "_opened", "_steps", "_table", "_values", "_width")

    def __init__(self, limit: int = POINTS) -> None:
        """Begin an empty stream."""
        self._limit = limit
        self._steps: list[int] = []  # Samples not folded yet; the newest one stays here.
        self._values: list[float] = []
        self._table: _Table = np.empty((0, 6))
        self._width = 1
        self._open: _Table | None = None  # A bucket wider than a batch, as far as it is filled,
        self._opened = 0  # and with how many samples.

    def append(self, step: int, value: float) -> None:
        """Add a sample."""
        self._steps.append(step)
        self._values.append(value)
        if len(self._steps) > _BATCH:
            self._fold()

    def points(self) -> StepSeries:
        """Take the picture of all samples so far."""
        parts = [self._table]
        if self._open is not None:
            parts.append(self._open)
        fresh = _unit(self._steps, self._values)
        parts.append(_merged(fresh, min(self._width, _BATCH)))
        return _thinned(np.concatenate(parts), self._limit, self._steps, self._values)

    def _fold(self) -> None:
        fresh = _unit(self._steps[:_BATCH], self._values[:_BATCH])
        del self._steps[:_BATCH], self._values[:_BATCH]
        rows = _merged(fresh, min(self._width, _BATCH))
        if self._width > _BATCH:
            if self._open is not None:
                rows = _merged(np.concatenate([self._open, rows]), 2)
            self._open = rows
            self._opened += _BATCH
            if self._opened < self._width:
                return
            self._open, self._opened = None, 0
        self._table = np.concatenate([self._table, rows])
        while _count(self._table) >= self._limit:
            self._double()

    def _double(self) -> None:
        # The odd row at the end is half of a bucket that is still open. There is one only where
        # a row holds a batch or more: narrower rows come in even numbers.
        if len(self._table) % 2:
            self._open, self._opened = self._table[-1:], self._width
            self._table = self._table[:-1]
        self._table = _merged(self._table, 2)
        self._width *= 2


def decimated(steps: NDArray[np.int64], values: NDArray[np.float64], limit: int = POINTS) -> StepSeries:
    """Take the picture of a whole series in at most so many points.

    Args:
        steps: int64 array of n steps.
        values: float64 array of n values.
        limit: The most points, 4 or more.

    Returns:
        The series itself when it is short enough, else the lowest, the highest
        and the first not finite value of each bucket, and the last value.

    """
    if len(steps) <= limit:
        return StepSeries(steps, values)
    width = 1 << (len(steps) // limit).bit_length() - 1
    block = max(_BLOCK, width)
    tables = [
        _merged(_unit(steps[start : start + block], values[start : start + block]), width)
        for start in range(0, len(steps), block)
    ]
    return _thinned(np.concatenate(tables), limit, steps, values)


def _unit(steps: Sequence[int] | NDArray[np.int64], values: Sequence[float] | NDArray[np.float64]) -> _Table:
    """Make buckets of one sample each."""
    at = np.asarray(steps, dtype=np.float64)
    value = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(value)
    table = np.empty((len(value), 6))
    table[:, 0] = table[:, 2] = np.where(finite, at, np.nan)
    table[:, _LOW] = np.where(finite, value, np.inf)
    table[:, _HIGH] = np.where(finite, value, -np.inf)
    table[:, _ODD_STEP] = np.where(finite, np.nan, at)
    table[:, 5] = np.where(finite, np.nan, value)
    return table


def _merged(table: _Table, width: int) -> _Table:
    """Merge each `width` buckets into one; the last one may be of fewer."""
    if width == 1 or not len(table):
        return table
    groups = -(-len(table) // width)
    missing = groups * width - len(table)
    if missing:
        table = np.concatenate([table, np.repeat(_NOTHING, missing, axis=0)])
    cube = table.reshape(groups, width, 6)
    rows = np.arange(groups)
    merged: _Table = cube[rows, cube[:, :, _LOW].argmin(axis=1)]
    merged[:, 2:4] = cube[rows, cube[:, :, _HIGH].argmax(axis=1), 2:4]
    merged[:, 4:] = cube[rows, (~np.isnan(cube[:, :, _ODD_STEP])).argmax(axis=1), 4:]
    return merged


def _kept(table: _Table) -> _Table:
    """Take the steps of each bucket's points: NaN where there is none."""
    steps = table[:, ::2].copy()
    single = (table[:, 0] == table[:, 2]) & (table[:, _LOW] == table[:, _HIGH])
    steps[single, 1] = np.nan
    return steps


def _count(table: _Table) -> int:
    return int(np.count_nonzero(~np.isnan(_kept(table))))


def _thinned(
    table: _Table,
    limit: int,
    steps: Sequence[int] | NDArray[np.int64],
    values: Sequence[float] | NDArray[np.float64],
) -> StepSeries:
    """Read the points of a table, at most so many, with the last sample among them."""
    while _count(table) >= limit:
        table = _merged(table, 2)
    kept = _kept(table)
    order = kept.argsort(axis=1, kind="stable")  # NaN goes last.
    at = np.take_along_axis(kept, order, axis=1).ravel()
    value = np.take_along_axis(table[:, 1::2], order, axis=1).ravel()
    there = ~np.isnan(at)
    at, value = at[there], value[there]
    if len(steps) and (at[-1] != steps[-1] or not _same(value[-1], values[-1])):
        at, value = np.append(at, steps[-1]), np.append(value, values[-1])
    return StepSeries(at.astype(np.int64), value)


def _same(one: float, other: float) -> bool:
    return one == other or (one != one and other != other)  # noqa: PLR0124 - both are NaN
