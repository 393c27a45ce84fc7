"""The log's files on disk: its folder, and what is kept aside."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

FOLDER = ".nbkeras"
DEFAULT = f"{FOLDER}/runs.sqlite"

_COMPANIONS = ("-wal", "-shm", "-journal")


def make_folder(path: Path) -> None:
    """Make the folder for a log; the default one is kept out of git."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ignore = path.parent / ".gitignore"
    if path.parent.name == FOLDER and not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")


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
