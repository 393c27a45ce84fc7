"""A run's own row in the log."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nbkeras.runs.legible import legible

if TYPE_CHECKING:
    import sqlite3

    from nbkeras.runs.log.owner import Owner
    from nbkeras.runs.run import Run

_CHANGING = (
    *("name", "status", "reason", "ended", "heartbeat", "progress"),
    *("metrics", "directions", "parameters", "environment", "notes"),
)
_FIXED = ("id", "kind", "created", "host", "pid", "started")

COLUMNS = (*_FIXED, *_CHANGING)

_INSERT = f"INSERT INTO runs ({', '.join(COLUMNS)}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"  # noqa: S608 - constants
_UPDATE = f"UPDATE runs SET {', '.join(f'{name} = :{name}' for name in _CHANGING)} WHERE number = :number"  # noqa: S608 - constants


def insert(connection: sqlite3.Connection, run: Run, owner: Owner, heartbeat: float) -> int:
    """Write a run's first row, in place of an older one of the same process, or of the one it goes on with.

    Returns:
        The run's number in this log.

    """
    query = "SELECT number FROM runs WHERE id = ?"
    values: list[Any] = [run.id]
    if not run.reopened:
        query += " AND (host, pid, started) = (?, ?, ?)"
        values += [owner.host, owner.pid, owner.started]
    forget(connection, connection.execute(query, values).fetchall())
    fixed = {"id": run.id, "kind": run.kind, "created": run.created}
    fixed |= {"host": owner.host, "pid": owner.pid, "started": owner.started}
    number = connection.execute(_INSERT, fixed | _changing(run, heartbeat)).lastrowid
    if number is None:  # pragma: no cover - an INSERT that did not raise has one
        raise RuntimeError
    return number


def update(connection: sqlite3.Connection, number: int, run: Run, heartbeat: float) -> None:
    """Write a run's row as it is now."""
    connection.execute(_UPDATE, {"number": number} | _changing(run, heartbeat))


def forget(connection: sqlite3.Connection, numbers: list[tuple[int]]) -> None:
    """Delete runs with all that belongs to them."""
    connection.executemany("DELETE FROM chunks WHERE run = ?", numbers)
    connection.executemany("DELETE FROM events WHERE run = ?", numbers)
    connection.executemany("DELETE FROM runs WHERE number = ?", numbers)


def _changing(run: Run, heartbeat: float) -> dict[str, Any]:
    return {
        # A run may be renamed while it is under way.
        "name": legible(run.name),
        "status": run.status,
        "reason": run.reason,
        "ended": run.ended,
        "heartbeat": heartbeat,
        "progress": _dumped(asdict(run.progress)),
        "metrics": _dumped(run.metrics),
        "directions": _dumped(dict(run.directions)),
        "parameters": _dumped(dict(run.parameters)),
        "environment": _dumped(dict(run.environment)),
        "notes": _dumped(list(run.notes)),
    }


def _dumped(value: Any) -> str:
    # What JSON does not know, an object among the parameters, is kept as its text.
    return json.dumps(value, default=str)
