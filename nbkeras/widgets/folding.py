"""Folds the monitors of a cell that trains many models: the last ones stay, the older ones become a line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbkeras.runs.record import RunRecord

MONITORS_PER_CELL = 4

_ended_here: list[tuple[int, RunRecord, Any]] = []


def fold(run: RunRecord, display: Any) -> None:
    """Fold the oldest monitors of a cell that has made many."""
    from nbkeras.widgets.run_line import run_line_bundle

    shell = sys.modules["IPython"].get_ipython()
    cell = int(shell.execution_count)
    _ended_here[:] = [entry for entry in _ended_here if entry[0] == cell]
    _ended_here.append((cell, run, display))
    while len(_ended_here) > MONITORS_PER_CELL:
        _, oldest, its_display = _ended_here.pop(0)
        its_display.update(run_line_bundle(oldest), raw=True)
