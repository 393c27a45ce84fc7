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

_METRICS = 4
_NAME_LENGTH = 60


@dataclass(frozen=True, slots=True)
class RunsRows:
    """Runs as rows, the newest first.

    Attributes:
        table: what is shown: words (name, status, when), numbers, the id.
        numbers: the numbers of each row, to sort by; None for one that is missing.
    """

    table: Table
    numbers: tuple[tuple[float | None, ...], ...]


def runs_rows(runs: Sequence[RunRecord], *, limit: int) -> RunsRows:
    """Return the newest runs as rows.

    There are columns for the best values of the metrics that most of the runs have, four at most.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "digits")
        >>> run.record_epoch(1, {"val_loss": 0.6})
        >>> runs_rows([run], limit=10).table.header
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
    numbers = []
    for run, summary in zip(shown, summaries, strict=True):
        epochs = summary["epochs"] if run.kind not in {"evaluate", "predict"} else 0
        values = [summary["best"].get(metric) for metric in metrics]
        rows.append(
            (
                wording.line(run.name, _NAME_LENGTH),
                run.status,
                numerals.moment(run.created),
                numerals.count(epochs) if epochs else numerals.MISSING,
                *map(numerals.value, values),
                numerals.seconds(summary["seconds"]),
                run.id,
            )
        )
        numbers.append((epochs or None, *map(_short, values), _short(summary["seconds"])))
    header = ("name", "status", "when", "epochs", *best, "time", "id")
    table = Table(header, tuple(rows), len(runs) - len(shown), words=3)
    return RunsRows(table, tuple(numbers))


def _short(number: float | None) -> float | None:
    """Return a number with as many digits as sorting needs."""
    return None if number is None else float(f"{number:.6g}")
