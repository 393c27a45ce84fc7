"""What exact backups cost: pairs of trainings with and without them, and one backup of a larger model."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.rows import Row, number, quartiles, told

if TYPE_CHECKING:
    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

BAR = 1.05
# A training of some seconds, with a backup each second.
LONGER = 3
# Of backups at their default, half a minute apart.
PAIRS_BY_DEFAULT = 3


def rows(notebook: Notebook, effort: Effort) -> list[Row]:
    """Train in pairs, each kind as often first as the other."""
    steps = effort.epoch_steps * LONGER
    notebook.run("from tests.benchmarks.in_kernel import backups")
    notebook.value(f"backups.timed([False, True], {steps})")
    often = _row(notebook, max(2, effort.pairs // 3), steps, "1s")
    size, seconds = notebook.value(f"backups.one({effort.calls})")
    found = [
        often,
        told(f"one backup of {number(size)} MB, half a minute apart by default", 1000 * seconds, "ms"),
    ]
    if effort.kernels:
        plain, _ = notebook.value(f"backups.timed([False, True], {steps})")
        found.append(_row(notebook, PAIRS_BY_DEFAULT, round(steps * 100 / plain), None))
    return found


def _row(notebook: Notebook, pairs: int, steps: int, every: str | None) -> Row:
    times = []
    for turn in range(pairs):
        order = [False, True] if turn % 2 else [True, False]
        times.append(notebook.value(f"backups.timed({order}, {steps}, {every!r})"))
    ratios = [backed / plain for plain, backed in times]
    middle = statistics.median(ratios)
    seconds = number(statistics.median([plain for plain, _ in times]))
    made = notebook.value("backups.count()")
    when = "by default" if every is None else f"every {every}"
    what = f"`fit` of {seconds} s with {made} backups, {when} / without"
    return Row(what, f"{middle:.3f}{quartiles(ratios)}", f"≤ {BAR}", middle <= BAR)
