"""Tables of a run: what each metric came to, and its values epoch by epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.picture.groups import last_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.runs.record import Best, RunRecord
    from nbkeras.widgets.picture.groups import Group


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a header, the first column naming the rows.

    Attributes:
        header: the columns' names.
        rows: as many cells a row as there are columns.
        left_out: how many rows there were that are not here.
        marked: row and column of the cells that stand out.
        words: how many columns at the left hold words; the others hold numbers.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0
    marked: frozenset[tuple[int, int]] = frozenset()
    words: int = 1

    def plain(self) -> list[str]:
        """Return the table as lines of text, words at the left and numbers at the right.

        Example:
            >>> Table(("metric", "last"), (("loss", "0.5"),)).plain()
            ['metric  last', 'loss     0.5']
        """
        lines = [self.header]
        for at, row in enumerate(self.rows):
            cells = (f"*{cell}" if (at, c) in self.marked else cell for c, cell in enumerate(row))
            lines.append(tuple(cells))
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        return [
            "  ".join(
                cell.ljust(width) if column < self.words else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]


def metric_table(run: RunRecord, groups: Sequence[Group], *, limit: int) -> Table:
    r"""Return the last and the best value of each metric, and where the best one was.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> from nbkeras.widgets.picture.groups import groups_of
        >>> run = Run("fit", "demo")
        >>> run.record_epoch(1, {"loss": 0.5})
        >>> print("\n".join(metric_table(run, groups_of(run), limit=10).plain()))
        metric    last    best  epoch
        loss    0.5000  0.5000      1
    """
    measures = [measure for group in groups for measure in group.measures]
    axis = next((each.best.axis for each in measures if each.best), "epoch")
    rows = [
        (
            wording.metric(measure.name),
            numerals.value(last_of(run, measure)),
            numerals.value(measure.best.value if measure.best else None),
            _place(measure.best, axis),
        )
        for measure in measures[:limit]
    ]
    return Table(("metric", "last", "best", axis), tuple(rows), len(measures) - len(rows))


def _place(best: Best | None, axis: str) -> str:
    if best is None:
        return numerals.MISSING
    at = numerals.count(best.at)
    return at if best.axis == axis else f"{best.axis} {at}"


def epoch_table(groups: Sequence[Group], *, rows: int, columns: int) -> Table | None:
    """Return the values of all metrics by epoch, None for less than two epochs.

    Of more epochs than there is room for, evenly spaced ones are shown, the first and the last
    among them.

    Args:
        groups: the run's metrics.
        rows: the most epochs to show, two or more.
        columns: the most metrics to show.
    """
    measures = [measure for group in groups for measure in group.measures if measure.epochs]
    values = {measure.name: dict(measure.epochs) for measure in measures[:columns]}
    epochs = sorted({epoch for by_epoch in values.values() for epoch in by_epoch})
    if len(epochs) <= 1:
        return None
    shown = epochs
    if len(epochs) > rows:
        stride = (len(epochs) - 1) / (rows - 1)
        shown = [epochs[round(index * stride)] for index in range(rows)]
    return Table(
        ("epoch", *map(wording.metric, values)),
        tuple(
            (
                numerals.count(int(epoch)),
                *(numerals.value(by_epoch.get(epoch)) for by_epoch in values.values()),
            )
            for epoch in shown
        ),
        len(epochs) - len(shown),
    )
