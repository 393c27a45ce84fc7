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


def rows(notebook: Notebook, effort: Effort) -> list[Row]:
    """Train in pairs, each kind as often first as the other."""
    steps = effort.epoch_steps * LONGER
    notebook.run("from tests.benchmarks.in_kernel import backups")
    notebook.value(f"backups.timed([False, True], {steps})")
    pairs = []
    for turn in range(max(2, effort.pairs // 3)):
        order = [False, True] if turn % 2 else [True, False]
        pairs.append(notebook.value(f"backups.timed({order}, {steps})"))
    made = notebook.value("backups.count()")
    ratios = [backed / plain for plain, backed in pairs]
    middle = statistics.median(ratios)
    size, seconds = notebook.value(f"backups.one({effort.calls})")
    seconds_of_fit = statistics.median([plain for plain, _ in pairs])
    what = f"`fit` of {number(seconds_of_fit)} s with {made} backups, one a second / without"
    return [
        Row(what, f"{middle:.3f}{quartiles(ratios)}", f"≤ {BAR}", middle <= BAR),
        told(f"one backup of {number(size)} MB, half a minute apart by default", 1000 * seconds, "ms"),
    ]
