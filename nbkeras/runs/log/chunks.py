"""Series in the log: short chunks as they come, merged into long ones as they grow in number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nbkeras.runs.log.codec import decode_steps, decode_values, encode_steps, encode_values
from nbkeras.runs.series import StepSeries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

FAN = 8
"""So many neighbours of one level make one chunk of the next."""
FULL = 16384
"""A chunk of so many values is merged no further."""

STEP_AXIS, EPOCH_AXIS = 0, 1


@dataclass(frozen=True, slots=True)
class _Chunk:
    number: int
    level: int
    count: int


State: TypeAlias = "tuple[int, tuple[_Chunk, ...]]"


class ChunkedSeries:
    """One growing series in the log, appended to by its only writer.

    Each value is rewritten once a level, and a run of days at two commits a
    second has some hundred rows a metric.

    Args:
        run: The run's number in the log.
        axis: `STEP_AXIS` or `EPOCH_AXIS`.
        metric: The metric's place in the run's list of metrics.

    """

    __slots__ = ("_key", "state")

    def __init__(self, run: int, axis: int, metric: int) -> None:
        """Begin an empty series."""
        self._key = (run, axis, metric)
        self.state: State = (0, ())
        """The next chunk's number, and the chunks that may still be merged, oldest first. After
        a rollback, put back what it was at the transaction's begin."""

    def append(self, connection: sqlite3.Connection, series: StepSeries) -> None:
        """Write values at the series' end, inside the caller's transaction."""
        number, before = self.state
        chunk = _Chunk(number, 0, len(series))
        self._insert(connection, chunk, series)
        chunks = [*before, chunk]
        while len(chunks) >= FAN and chunks[-FAN].level == chunks[-1].level:
            chunks[-FAN:] = [self._merge(connection, chunks[-FAN:])]
            if chunks[-1].count >= FULL:
                chunks.clear()  # What is older stays as it is.
        self.state = (number + 1, tuple(chunks))

    def _merge(self, connection: sqlite3.Connection, chunks: list[_Chunk]) -> _Chunk:
        span = (*self._key, chunks[0].number, chunks[-1].number)
        where = "WHERE run = ? AND axis = ? AND metric = ? AND number BETWEEN ? AND ?"
        rows = connection.execute(
            f"SELECT count, steps, data FROM chunks {where} ORDER BY number",  # noqa: S608 - constant
            span,
        ).fetchall()
        whole = joined(rows)
        connection.execute(f"DELETE FROM chunks {where}", span)  # noqa: S608 - a constant
        merged = _Chunk(chunks[0].number, chunks[0].level + 1, len(whole))
        self._insert(connection, merged, whole)
        return merged

    def _insert(self, connection: sqlite3.Connection, chunk: _Chunk, series: StepSeries) -> None:
        connection.execute(
            "INSERT INTO chunks (run, axis, metric, number, count, steps, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *self._key,
                chunk.number,
                chunk.count,
                encode_steps(series.steps),
                encode_values(series.values),
            ),
        )


def joined(rows: Iterable[tuple[int, bytes, bytes]]) -> StepSeries:
    """Join chunks, given as (count, steps, data), into one series."""
    pairs = [(decode_steps(steps, count), decode_values(data)) for count, steps, data in rows]
    if not pairs:
        return StepSeries(np.empty(0, np.int64), np.empty(0))
    return StepSeries(
        np.concatenate([steps for steps, _ in pairs]),
        np.concatenate([values for _, values in pairs]),
    )
