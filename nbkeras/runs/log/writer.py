"""The thread that writes the log."""

from __future__ import annotations

import atexit
import os
import threading
import time
from typing import TYPE_CHECKING

from nbkeras.runs.log.files import BusyError
from nbkeras.runs.log.recorder import Recorder
from nbkeras.runs.log.schema import is_busy, is_damage
from nbkeras.runs.log.session import NewerLogError, Session

if TYPE_CHECKING:
    from pathlib import Path

    from nbkeras.runs.run import Run

INTERVAL = 0.5
"""Seconds between two commits: a killed process loses no more."""

_LINGER = 2.0  # Seconds that the file is kept open for the next run.
_writers: dict[Path, LogWriter] = {}

SETTLE = 0.5
"""The end of a short run waits so many seconds at most to know whether it is logged."""


class LogWriter:
    """Writes the runs of this process to one log, from a thread of its own.

    The thread lives while there are runs to write. No method waits for the
    disk but `flush` and `close`, and the end of a run shorter than a write.

    Args:
        path: The log's file, absolute.

    """

    def __init__(self, path: Path) -> None:
        """Begin without a thread."""
        self.path = path
        self._recorders: list[Recorder] = []
        self._thread: threading.Thread | None = None
        self._session: Session | None = None
        self._condition = threading.Condition()
        self._asked = 0  # Numbers of writes that somebody waits for, or wants at once,
        self._written = 0  # and of those that are done.
        self._closing = False
        self._foreign = False  # This is a copy, see disown.

    def attach(self, run: Run) -> Recorder:
        """Write a run from now on, until its end."""
        recorder = Recorder(run, self._hurry, lambda: self.flush(SETTLE))
        with self._condition:
            self._recorders.append(recorder)
            if self._thread is None:
                self._closing = False
                self._thread = threading.Thread(target=self._work, name="nbkeras run log", daemon=True)
                self._thread.start()
        return recorder

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until everything that came so far is written.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it is.

        """
        with self._condition:
            if self._thread is None or self._foreign:
                return not self._foreign
            self._asked += 1
            mine = self._asked
            self._condition.notify_all()
            return self._condition.wait_for(lambda: self._written >= mine, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write everything that came so far, and close the file."""
        with self._condition:
            thread, self._closing = self._thread, True
            self._condition.notify_all()
        if thread is not None and not self._foreign:
            thread.join(timeout)

    def disown(self) -> None:
        """Do nothing any more: this is the copy in a forked child, the file is the parent's."""
        self._foreign = True
        # The parent's threads may have held them at the fork, and are not here to let go.
        self._condition = threading.Condition()
        for recorder in self._recorders:
            recorder.disown()
        if self._session is not None:
            self._session.abandon()

    def _hurry(self) -> None:
        with self._condition:
            self._asked += 1
            self._condition.notify_all()

    def _work(self) -> None:
        session = self._session = Session(self.path)
        needed = time.monotonic()
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._closing or self._asked > self._written, INTERVAL)
                asked, recorders = self._asked, list(self._recorders)
            # Looked up before the write: it is sure to be of the final state.
            ended = [each for each in recorders if each.ended]
            settled = self._write(session, [each for each in recorders if not each.off])
            if recorders:
                needed = time.monotonic()
            if settled:
                for each in ended:
                    session.forget(each)
            with self._condition:
                if settled:
                    self._written = asked
                    self._recorders = [each for each in self._recorders if each not in ended]
                    self._condition.notify_all()
                unneeded = not self._recorders and time.monotonic() > needed + _LINGER
                if self._closing or unneeded:
                    self._thread = self._session = None
                    break
        session.close()

    def _write(self, session: Session, recorders: list[Recorder]) -> bool:
        """Write, and say whether it is settled: done, or never to be."""
        try:
            session.write(recorders)
        except Exception as error:  # noqa: BLE001 - whatever happens here must not end the training
            if isinstance(error, BusyError) or is_busy(error):
                return False
            if is_damage(error) and session.replace(recorders):
                return False
            for each in recorders:
                each.turn_off(_reason(self.path, error))
        return True


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, NewerLogError):
        return f"{path} was written by a newer nbkeras, type %pip install -U nbkeras to use it"
    if "disk is full" in str(error):
        what = "the disk is full"
    elif isinstance(error, OSError):
        what = (error.strerror or str(error)).lower()
    else:
        what = str(error) or type(error).__name__
    return f"{path} cannot be written ({what}), nbkeras.runs.set_log(PATH) keeps it elsewhere"


def writer_of(path: Path) -> LogWriter:
    """Look up this process's writer of a log, or make it."""
    if path not in _writers:
        _writers[path] = LogWriter(path)
    return _writers[path]


def flush(path: Path) -> bool:
    """Wait until everything of this process is in a log; say whether it is."""
    return path not in _writers or _writers[path].flush()


def _close_all() -> None:
    for writer in _writers.values():
        writer.close()


def _disown_all() -> None:
    for writer in _writers.values():
        writer.disown()
    _writers.clear()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)
