"""One connection of the writer to the log, from its opening to its end."""

from __future__ import annotations

import errno
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from nbkeras.runs.log import files, row
from nbkeras.runs.log.chunks import ChunkedSeries
from nbkeras.runs.log.owner import this_process
from nbkeras.runs.log.recorder import Batch, as_series
from nbkeras.runs.log.schema import nature, open_for_writing

if TYPE_CHECKING:
    from pathlib import Path

    from nbkeras.runs.log.chunks import State
    from nbkeras.runs.log.recorder import Recorder
    from nbkeras.runs.run import Run

    _States: TypeAlias = dict[tuple[int, str], State]

HEARTBEAT = 5.0
"""Seconds after which a run's row is written though nothing came."""

_REPLACEMENTS = 3  # A disk that damages every file is not to be filled with them.


class NewerLogError(Exception):
    """The log was written by a later nbkeras."""


class _Entry:
    """What the log knows of one run."""

    __slots__ = ("number", "series", "status", "written")

    def __init__(self, number: int) -> None:
        self.number = number
        self.written = 0.0
        self.status = ""
        self.series: dict[tuple[int, str], ChunkedSeries] = {}


class Session:
    """A connection to a log, made at the first write.

    Args:
        path: The log's file.

    """

    def __init__(self, path: Path) -> None:
        """Begin without a connection."""
        self.path = path
        self._owner = this_process()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._entries: dict[str, _Entry] = {}
        self._replaced = 0

    def write(self, recorders: list[Recorder]) -> None:
        """Write what is new of some runs, all of it or nothing.

        Raises:
            sqlite3.Error: When it cannot be written now, or at all.
            OSError: When the folder or the file cannot be made.
            NewerLogError: When the file is not to be touched.

        """
        if not recorders:
            return
        connection = self._open(recorders)
        taken = [(each, each.take()) for each in recorders]
        try:
            self._commit(connection, taken)
        except BaseException:
            for each, batch in taken:
                each.give_back(batch)
            raise

    def close(self) -> None:
        """Close the connection, in the thread that writes."""
        if self._connection is not None and self._identity == files.identity(self.path):
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self.abandon()

    def abandon(self) -> None:
        """Leave the connection as it is: the file is no log any more, or another process's."""
        if self._connection is not None:
            files.never_close(self._connection)
            self._connection = None

    def forget(self, recorder: Recorder) -> None:
        """Drop what is known of a run that has ended.

        One whose log is off gets its end into the log all the same, if that
        can be done: else it would read as interrupted.
        """
        entry = self._entries.pop(recorder.run.id, None)
        if recorder.off and entry is not None and self._connection is not None:
            with suppress(sqlite3.Error):
                row.update(self._connection, entry.number, recorder.run, time.time())

    def replace(self, recorders: list[Recorder]) -> bool:
        """Keep the file aside, because it is damaged; the next write begins a new one.

        Returns:
            Whether that was done, or another kernel was quicker.

        """
        try:
            with files.alone(self.path.parent):
                if self._identity != files.identity(self.path):
                    return True
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                return self._keep_aside(recorders)
        except (OSError, files.BusyError):
            return False

    def _keep_aside(self, recorders: list[Recorder]) -> bool:
        if self._replaced == _REPLACEMENTS:
            return False
        self._replaced += 1
        aside = files.keep_aside(self.path)
        note = f"{self.path} was no sound run log: it is kept as {aside.name}, a new one was begun"
        for each in recorders:
            each.run.add_note(note)
        return True

    def _open(self, recorders: list[Recorder]) -> sqlite3.Connection:
        if self._connection is not None:
            if self._identity == files.identity(self.path):
                return self._connection
            self.abandon()
            for each in recorders:
                each.run.add_note(f"{self.path} was deleted or replaced: the run log goes on in a new one")
        files.make_folder(self.path)
        with files.alone(self.path.parent):
            files.remove_leftovers(self.path)
            what = nature(self.path)
            if what == "newer":
                raise NewerLogError
            if what == "foreign" and not self._keep_aside(recorders):
                raise OSError(errno.EBADF, "it is no run log")
            self._connection = open_for_writing(self.path)
            self._identity = files.identity(self.path)
        for each in recorders:
            if each.run.id in self._entries:
                each.start_over()
        self._entries.clear()
        return self._connection

    def _commit(self, connection: sqlite3.Connection, taken: list[tuple[Recorder, Batch]]) -> None:
        now = time.time()
        due = [(each, batch) for each, batch in taken if batch or self._is_due(each, now)]
        if not due:
            return
        connection.execute("BEGIN IMMEDIATE")
        before = {
            id: (entry, {key: series.state for key, series in entry.series.items()})
            for id, entry in self._entries.items()
        }
        try:
            for each, batch in due:
                self._write(connection, each.run, batch, now)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._restore(before)
            raise

    def _is_due(self, recorder: Recorder, now: float) -> bool:
        entry = self._entries.get(recorder.run.id)
        if entry is None and recorder.run.reopened:
            # With its first values: what is in the log until then is all that there is of it.
            return recorder.ended
        if entry is None or recorder.ended or entry.status != recorder.run.status:
            return True
        return now - entry.written >= HEARTBEAT

    def _write(self, connection: sqlite3.Connection, run: Run, batch: Batch, now: float) -> None:
        entry = self._entries.get(run.id)
        status = run.status
        if entry is None:
            number = row.insert(connection, run, self._owner, now)
            entry = self._entries[run.id] = _Entry(number)
        else:
            row.update(connection, entry.number, run, now)
        entry.status, entry.written = status, now
        metrics = run.metrics
        for (axis, metric), pair in batch.series.items():
            series = entry.series.get((axis, metric))
            if series is None:
                place = metrics.index(metric)
                series = entry.series[axis, metric] = ChunkedSeries(entry.number, axis, place)
            series.append(connection, as_series(pair))
        connection.executemany(
            "INSERT INTO events (run, step, text, time) VALUES (?, ?, ?, ?)",
            [(entry.number, event.step, event.text, event.time) for event in batch.events],
        )

    def _restore(self, before: dict[str, tuple[_Entry, _States]]) -> None:
        self._entries = {id: entry for id, (entry, _) in before.items()}
        for entry, states in before.values():
            entry.written = 0.0
            entry.series = {key: entry.series[key] for key in states}
            for key, state in states.items():
                entry.series[key].state = state
