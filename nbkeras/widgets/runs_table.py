"""A table of runs: to be sorted in a notebook, complete without a script, and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.frontend import in_kernel
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.picture.runs_rows import runs_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.runs.record import RunRecord
    from nbkeras.widgets.picture.page import Bundle
    from nbkeras.widgets.picture.runs_rows import RunsRows

LIMIT = 40_000
"""The most bytes that the static table takes in a notebook's file."""

_ROWS = (200, 150, 120, 90, 60, 20)


def runs_table_bundle(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """Return a table of runs: name, status, when, epochs, best metrics, time.

    In a notebook it is a widget whose columns sort; beside it stand the same table as plain HTML,
    for a notebook that is read without a kernel, and as text.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> sorted(runs_table_bundle([Run("fit", "small"), Run("fit", "large")]))
        ['text/html', 'text/plain']

    Args:
        runs: the runs, newest last; the newest 200 are shown, fewer where they take much room.

    Returns:
        MIME type to content, for ``display(…, raw=True)``.
    """
    bundle = fit(LIMIT, _ROWS, lambda limit: _static(runs_rows(runs, limit=limit)))
    if not in_kernel() or not runs:
        return dict(bundle)
    from nbkeras.widgets.runs_table_widget import RunsTable

    view, _ = RunsTable(runs_rows(runs, limit=_ROWS[0])).mimebundle()
    return {**view, **bundle}


def _static(rows: RunsRows) -> Bundle:
    if not rows.rows:
        return {"text/html": render("line.html", line="no runs"), "text/plain": "no runs"}
    table = rows.table()
    lines = table.plain()
    if rows.left_out:
        lines.append(f"and {rows.left_out} older runs")
    return {"text/html": render("runs.html", table=table), "text/plain": "\n".join(lines)}
