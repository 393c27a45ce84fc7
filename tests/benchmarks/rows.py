"""The rows of the table, and what holds a bar."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: what it is of, what was measured, its bar and whether that was held (None: no bar)."""

    what: str
    measured: str
    bar: str = ""
    held: bool | None = None


def at_most(what: str, value: float, limit: float, unit: str, *, more: str = "") -> Row:
    """Return a row whose value is to be at most a limit; both are numbers in the same unit."""
    return Row(what, f"{number(value)} {unit}{more}", f"≤ {number(limit)} {unit}", value <= limit)


def told(what: str, value: float, unit: str, *, more: str = "") -> Row:
    """Return a row without a bar."""
    return Row(what, f"{number(value)} {unit}{more}")


def number(value: float) -> str:
    """Write a number with three digits that mean something."""
    if value and abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def kilobytes(size: float) -> float:
    """Return bytes as KB of 1,000."""
    return size / 1000


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share (0 to 1) of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def quartiles(values: Sequence[float]) -> str:
    """Write the middle half of some ratios, to show how far the machine makes them spread."""
    low, _, high = statistics.quantiles(values, n=4)
    return f" (middle half {low:.3f} to {high:.3f}, {len(values)} pairs)"


def table(rows: Iterable[Row]) -> str:
    """Write rows as a Markdown table."""
    words = {None: "", True: "held", False: "MISSED"}
    lines = ["| measured | figure | bar | |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.measured} | {row.bar} | {words[row.held]} |" for row in rows]
    return "\n".join(lines)
