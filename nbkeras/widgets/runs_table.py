"""A table of runs: its columns sort where scripts run, and it is complete where they do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import wording
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.picture.runs_rows import runs_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.runs.record import RunRecord
    from nbkeras.widgets.picture.page import Bundle
    from nbkeras.widgets.picture.runs_rows import RunsRows

LIMIT = 80_000
"""The most bytes that the table takes in a notebook's file."""

_ROWS = (200, 150, 100, 50, 20)
_NOTE_LENGTH = 1000


def runs_table_bundle(runs: Sequence[RunRecord], notes: Sequence[str] = ()) -> Bundle:
    """Return a table of runs: name, status, when, epochs, best metrics, time.

    A click on a column's name sorts by it, also in a saved notebook without a kernel; the script that
    does it comes with the HTML. In a notebook that is not trusted it stays away, and the table stands.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> sorted(runs_table_bundle([Run("fit", "small"), Run("fit", "large")]))
        ['text/html', 'text/plain']

    Args:
        runs: the runs, newest last; the newest 200 are shown, fewer where they take much room.
        notes: what the reader should know, such as a log that cannot be read.

    Returns:
        ``{"text/html": …, "text/plain": …}``.
    """
    said = [wording.line(note, _NOTE_LENGTH) for note in notes]
    if not runs:
        lines = ["no runs", *said]
        page = "".join(render("line.html", line=line) for line in lines)
        return {"text/html": page, "text/plain": "\n".join(lines)}
    return fit(LIMIT, _ROWS, lambda limit: _bundle(runs_rows(runs, limit=limit), said))


def _bundle(rows: RunsRows, notes: Sequence[str]) -> Bundle:
    table = rows.table
    lines = table.plain()
    if table.left_out:
        lines.append(f"and {table.left_out} older runs")
    lines += notes
    keys = json.dumps({"words": table.words, "numbers": rows.numbers}, separators=(",", ":"))
    page = render("runs.html", table=table, keys=keys, notes=notes)
    return {"text/html": page, "text/plain": "\n".join(lines)}
