"""Runs as rows of a table: what each came to, ready to be sorted and shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.runs.metrics import split
from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.runs.record import RunRecord

WORDS = 3
"""So many columns at the left hold words: name, status and when."""

_METRICS = 4
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: what it says, and what it is sorted by (None comes last)."""

    text: str
    key: float | str | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run's id and its cells."""

    id: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class RunsRows:
    """Rows of runs, the newest first.

    Attributes:
        columns: the columns' names.
        rows: a row for each run that is shown.
        left_out: how many older runs are not.
    """

    columns: tuple[str, ...]
    rows: tuple[RunRow, ...]
    left_out: int

    def table(self) -> Table:
        """Return the rows as text."""
        rows = (tuple(cell.text for cell in row.cells) for row in self.rows)
        return Table(self.columns, tuple(rows), self.left_out, words=WORDS)


def runs_rows(runs: Sequence[RunRecord], *, limit: int) -> RunsRows:
    """Return the newest runs as rows.

    There are columns for the best values of the metrics that most of the runs have, four at most.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "digits")
        >>> run.record_epoch(1, {"val_loss": 0.6})
        >>> runs_rows([run], limit=10).columns
        ('name', 'status', 'when', 'epochs', 'best val_loss', 'time', 'id')

    Args:
        runs: the runs, newest last.
        limit: the most rows.
    """
    shown = list(reversed(runs[-limit:]))
    summaries = [run.summary() for run in shown]
    common = Counter(metric for summary in summaries for metric in summary["best"])
    # Of equally common metrics those of the validation come first.
    order = sorted(common, key=lambda metric: (-common[metric], split(metric) == "train"))
    metrics = order[:_METRICS]
    best = [f"best {wording.metric(metric)}" for metric in metrics]
    rows = []
    for run, summary in zip(shown, summaries, strict=True):
        name = wording.line(run.name, _NAME_LENGTH)
        epochs = summary["epochs"] if run.kind not in {"evaluate", "predict"} else 0
        values = [summary["best"].get(metric) for metric in metrics]
        cells = [
            Cell(name, name.casefold()),
            Cell(run.status, run.status),
            Cell(numerals.moment(run.created), run.created),
            Cell(numerals.count(epochs) if epochs else numerals.MISSING, epochs or None),
            *(Cell(numerals.value(value), value) for value in values),
            Cell(numerals.seconds(summary["seconds"]), summary["seconds"]),
            Cell(run.id, run.id),
        ]
        rows.append(RunRow(run.id, tuple(cells)))
    columns = ("name", "status", "when", "epochs", *best, "time", "id")
    return RunsRows(columns, tuple(rows), len(runs) - len(shown))
