"""The table of runs whose columns sort, as a widget."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from nbkeras.widgets.picture.runs_rows import WORDS

if TYPE_CHECKING:
    from nbkeras.widgets.picture.runs_rows import RunsRows

_HERE = Path(__file__).parent


class RunsTable(anywidget.AnyWidget):
    """A table of runs: a click on a column's name sorts by it, ticked runs are to be compared.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> from nbkeras.widgets.picture.runs_rows import runs_rows
        >>> table = RunsTable(runs_rows([Run("fit", "small")], limit=10))
        >>> table.selected
        []

    Args:
        rows: what the table shows.

    Attributes:
        selected: the ids of the runs that are ticked, in the table's order.
    """

    _esm = _HERE / "runs_table.js"
    _css = _HERE / "runs_table.css"

    columns = traitlets.List(traitlets.Unicode()).tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    words = traitlets.Int().tag(sync=True)
    left_out = traitlets.Int().tag(sync=True)
    selected = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(self, rows: RunsRows) -> None:
        """Make the table; display it to show it."""
        content = asdict(rows)
        content["rows"] = [
            {"id": row["id"], "cells": [[cell["text"], cell["key"]] for cell in row["cells"]]}
            for row in content["rows"]
        ]
        super().__init__(**content, words=WORDS)

    def mimebundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a front end needs to show the widget: data and metadata by MIME type."""
        return self._repr_mimebundle_() or ({}, {})
