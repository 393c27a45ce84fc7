"""Several runs at once."""

from __future__ import annotations

import time
from typing import Any

from nbkeras.runs.record import RunRecord, require_pandas


class RunList(list[RunRecord]):
    """Runs, newest last: a list that prints as a table.

    Attributes:
        notes: What the reader should know, such as a log that cannot be read.

    """

    notes: list[str]

    def __init__(self, runs: list[RunRecord], notes: list[str] | None = None) -> None:
        """Take over some runs."""
        super().__init__(runs)
        self.notes = list(notes or [])

    def rows(self) -> list[dict[str, Any]]:
        """Say each run in a flat row: summary, best values, parameters.

        Returns:
            The keys of `RunRecord.summary`, with "best" spread to
            "best.<metric>" and the parameters as "parameters.<name>".

        """
        rows = []
        for run in self:
            row = run.summary()
            best = row.pop("best")
            row |= {f"best.{name}": value for name, value in best.items()}
            row |= {f"parameters.{name}": value for name, value in run.parameters.items()}
            rows.append(row)
        return rows

    def to_frame(self) -> Any:
        """Make a pandas table of the runs, one row a run.

        Returns:
            A DataFrame with the run's id as its index, "created" as a time in
            UTC, and the columns of `rows`.

        Raises:
            Refusal: When pandas is not installed.

        """
        pandas = require_pandas()
        frame = pandas.DataFrame(self.rows(), columns=None if self else ["id", "created"])
        frame["created"] = pandas.to_datetime(frame["created"], unit="s", utc=True)
        return frame.set_index("id")

    def __repr__(self) -> str:
        """Print the runs as a table."""
        head = ("id", "name", "kind", "status", "started", "seconds", "epochs", "steps")
        lines = [head]
        for run in self:
            row = run.summary()
            started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row["created"]))
            lines.append(
                (
                    *(row["id"], row["name"], row["kind"], row["status"], started),
                    *(f"{row['seconds']:.1f}", str(row["epochs"]), str(row["steps"])),
                )
            )
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        return "\n".join([*(table if self else ["no runs"]), *self.notes])
