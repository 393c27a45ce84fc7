"""The log's files on disk: its folder, and what is kept aside."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

FOLDER = ".nbkeras"
DEFAULT = f"{FOLDER}/runs.sqlite"

PATIENCE = 5.0  # Seconds to wait for another kernel that opens a log, which takes milliseconds.

_COMPANIONS = ("-wal", "-shm", "-journal")


class BusyError(Exception):
    """Another kernel is at it."""


def make_folder(path: Path) -> None:
    """Make the folder for a log; the default one is kept out of git."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ignore = path.parent / ".gitignore"
    if path.parent.name == FOLDER and not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Open, make or move logs in a folder while no other kernel does.

    Raises:
        BusyError: When another kernel does not come to an end with it.

    """
    if sys.platform == "win32":  # No open file can be deleted or moved there.
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    end = time.monotonic() + PATIENCE
    try:
        while not _locked(handle):
            if time.monotonic() > end:
                raise BusyError("another kernel is opening it")
            time.sleep(0.01)
        yield
    finally:
        # Not left to the closing: a child forked meanwhile has a copy of the handle.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _locked(handle: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # A network's file system that knows no locks: it has to do without.
    return True


def remove_leftovers(path: Path) -> None:
    """Remove what SQLite kept beside a log that was deleted: a new one must not find it."""
    if not path.exists():
        for companion in _COMPANIONS:
            Path(f"{path}{companion}").unlink(missing_ok=True)


def keep_aside(path: Path) -> Path:
    """Move a file that is no log out of the way, with what SQLite keeps beside it.

    Returns:
        Where it is now: the first free name with ".unreadable-1", "-2", …

    """
    number = 1
    while (aside := path.with_name(f"{path.name}.unreadable-{number}")).exists():
        number += 1
    path.rename(aside)
    for companion in _COMPANIONS:
        beside = Path(f"{path}{companion}")
        if beside.exists():
            beside.rename(f"{aside}{companion}")
    return aside


def identity(path: Path) -> tuple[int, int] | None:
    """Tell a file from another one of the same name; None when there is none."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def never_close(connection: sqlite3.Connection) -> None:
    """Leave a connection open until the process ends.

    The last connection to close deletes the WAL file by its name. Once the log
    was deleted or replaced, that name is another log's; and after a fork, the
    parent's.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
