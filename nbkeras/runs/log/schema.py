"""The log's tables, and how its file is opened."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION = 0x6E626B72  # "nbkr": tells a run log from any other SQLite file
VERSION = 1
BUSY = 5.0  # Seconds to wait for another kernel's transaction, which takes milliseconds.

_TABLES = (
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT NOT NULL,
        created REAL NOT NULL,
        ended REAL,
        heartbeat REAL NOT NULL,
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started TEXT NOT NULL,
        progress TEXT NOT NULL,
        metrics TEXT NOT NULL,
        directions TEXT NOT NULL,
        parameters TEXT NOT NULL,
        environment TEXT NOT NULL,
        notes TEXT NOT NULL
    )""",
    """CREATE TABLE events (
        run INTEGER NOT NULL,
        step INTEGER NOT NULL,
        text TEXT NOT NULL,
        time REAL NOT NULL
    )""",
    "CREATE INDEX events_of_run ON events (run)",
    """CREATE TABLE chunks (
        run INTEGER NOT NULL,
        axis INTEGER NOT NULL,
        metric INTEGER NOT NULL,
        number INTEGER NOT NULL,
        count INTEGER NOT NULL,
        steps BLOB NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (run, axis, metric, number)
    )""",
)

Nature: TypeAlias = Literal["new", "log", "newer", "foreign"]


def nature(path: Path) -> Nature:
    """Tell what a file is, without changing it.

    Args:
        path: The file, which need not exist.

    Returns:
        "new" when there is nothing in it, "log" for a run log, "newer" for
        one of a later version, "foreign" for anything else.

    Raises:
        sqlite3.OperationalError: When it cannot be opened, or is locked.

    """
    if not path.exists():
        return "new"
    try:
        with closing(_inspect(path)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return "foreign"
    if (application, version, tables) == (0, 0, 0):
        return "new"
    if application != APPLICATION:
        return "foreign"
    return "newer" if version > VERSION else "log"


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a log, of any process, for questions only."""
    try:
        # Able to write, so that it can take away the files that SQLite makes beside it.
        connection = _connected(path, "mode=rw")
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
        return _inspect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _inspect(path: Path) -> sqlite3.Connection:
    """Open a file that may be anybody's, such that nothing is written to it."""
    try:
        return _connected(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise
        # In a folder that cannot be written, SQLite cannot make the files that go with WAL.
        return _connected(path, "immutable=1")


def _connected(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or make a log; the connection may be used by one thread at a time."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        _make(connection)
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        # A file system without shared memory: SQLite's older way is slower, and as safe.
        if is_busy(error):
            raise


def _make(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone() != (0,):
        return
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        # Another kernel may have been quicker.
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            # Before WAL is on, so that the file itself says at once whose it is.
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_busy(error: BaseException) -> bool:
    """Tell an error that passes: another program is using the log."""
    return isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error))


def is_damage(error: BaseException) -> bool:
    """Tell an error that says that the file is no sound log."""
    return isinstance(error, sqlite3.DatabaseError) and (
        "malformed" in str(error) or "not a database" in str(error) or "no such" in str(error)
    )
