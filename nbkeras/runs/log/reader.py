"""Reading the log, of this process and of all others."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.runs.log import row
from nbkeras.runs.log.chunks import EPOCH_AXIS, STEP_AXIS, joined
from nbkeras.runs.log.files import BusyError, alone
from nbkeras.runs.log.schema import nature, open_for_reading, open_for_writing
from nbkeras.runs.log.stored import StoredRun
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbkeras.runs.series import StepSeries


def load(path: Path) -> list[StoredRun]:
    """Read all runs of a log, newest last, with their values by epoch.

    Raises:
        Refusal: When the file is no log that this nbkeras can read.

    """
    with _reading(path) as connection:
        if connection is None:
            return []
        connection.execute("BEGIN")  # One state of the log, though others write.
        columns = ("number", *row.COLUMNS)
        found = connection.execute(
            f"SELECT {', '.join(columns)} FROM runs ORDER BY created, number"  # noqa: S608 - constants
        ).fetchall()
        events: dict[int, list[tuple[int, str, float]]] = {}
        for run, *event in connection.execute("SELECT run, step, text, time FROM events"):
            events.setdefault(run, []).append(tuple(event))
        chunks: dict[tuple[int, int], list[tuple[int, bytes, bytes]]] = {}
        for run, metric, *chunk in connection.execute(
            "SELECT run, metric, count, steps, data FROM chunks WHERE axis = ? ORDER BY run, metric, number",
            (EPOCH_AXIS,),
        ):
            chunks.setdefault((run, metric), []).append(tuple(chunk))
    runs = []
    for values in found:
        fields: dict[str, Any] = dict(zip(columns, values, strict=True))
        number = fields.pop("number")
        names = json.loads(fields["metrics"])
        history = {
            name: joined(chunks[number, place])
            for place, name in enumerate(names)
            if (number, place) in chunks
        }
        runs.append(StoredRun(path, fields, events.get(number, []), history, steps_of))
    return runs


def steps_of(path: Path, id: str, metric: str) -> StepSeries:
    """Read a metric's whole series by step; an empty one when it has values by epoch alone.

    Raises:
        Refusal: When the run is not in the log, or the file is no log that this
            nbkeras can read.

    """
    with _reading(path) as connection:
        query = "SELECT number, metrics FROM runs WHERE id = ?"
        found = connection.execute(query, (id,)).fetchone() if connection else None
        if connection is None or found is None:
            raise Refusal(f"run {id} is no longer in {path}: nbkeras.runs.all() lists what is there")
        number, metrics = found
        names = json.loads(metrics)
        place = names.index(metric) if metric in names else None
        return joined(
            connection.execute(
                "SELECT count, steps, data FROM chunks"
                " WHERE run = ? AND axis = ? AND metric = ? ORDER BY number",
                (number, STEP_AXIS, place),
            )
        )


def remove(path: Path, ids: list[str]) -> None:
    """Delete runs from a log, and give the space back to the disk.

    Raises:
        Refusal: When the file is no log that this nbkeras can write.

    """
    with _refusing(path):
        if nature(path) != "log":
            return
        with alone(path.parent):
            opened = open_for_writing(path)
        with closing(opened) as connection:
            connection.execute("BEGIN IMMEDIATE")
            numbers = [
                number
                for id in ids
                for number in connection.execute("SELECT number FROM runs WHERE id = ?", (id,))
            ]
            row.forget(connection, numbers)
            connection.execute("COMMIT")
            # Not by execute(), which takes this pragma's first step alone and frees one page.
            connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    with _refusing(path):
        what = nature(path)
        if what == "newer":
            raise Refusal(f"{path} was written by a newer nbkeras: type %pip install -U nbkeras to read it")
        if what == "foreign":
            raise Refusal(
                f"{path} is no run log: the next run keeps it aside, or type"
                " nbkeras.runs.set_log(PATH) to use another file"
            )
        if what == "new":
            yield None
            return
        with closing(open_for_reading(path)) as connection:
            yield connection


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, BusyError) as error:
        raise Refusal(f"the run log {path} cannot be used: {error}") from error
