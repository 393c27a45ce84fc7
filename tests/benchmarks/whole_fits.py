"""What the monitor costs a whole ``fit``: pairs of trainings in one kernel, one after the other."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.rows import Row, number, quartiles, told

if TYPE_CHECKING:
    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

AGAINST_SILENT = 1.01
AGAINST_BAR = 1.0
NAMES = ["silent", "nbkeras", "Keras verbose=1"]


def rows(notebook: Notebook, effort: Effort) -> list[Row]:
    """Train in rounds, each reporter once a round and each in every place as often as the others."""
    notebook.run("from tests.benchmarks.in_kernel import fits")
    notebook.value(f"fits.timed({NAMES}, {effort.epoch_steps})")
    rounds = []
    for turn in range(effort.pairs):
        names = NAMES[turn % 3 :] + NAMES[: turn % 3]
        order = names if turn % 2 else names[::-1]
        rounds.append(notebook.value(f"fits.timed({order}, {effort.epoch_steps})"))
    clock = {name: [each[name][0] for each in rounds] for name in NAMES}
    work = {name: [each[name][1] for each in rounds] for name in NAMES}
    return [
        told(
            f"`fit` of {5 * effort.epoch_steps:,} steps, verbose=0", statistics.median(clock["silent"]), "s"
        ),
        _ratio("`fit` monitored / verbose=0", clock, "silent", AGAINST_SILENT),
        _ratio("`fit` monitored / verbose=1", clock, "Keras verbose=1", AGAINST_BAR),
        _ratio("the same in processor time / verbose=0", work, "silent"),
    ]


def _ratio(what: str, times: dict[str, list[float]], base: str, bar: float | None = None) -> Row:
    ratios = [ours / theirs for ours, theirs in zip(times["nbkeras"], times[base], strict=True)]
    middle = statistics.median(ratios)
    figure = f"{middle:.3f}{quartiles(ratios)}"
    if bar is None:
        return Row(what, figure)
    return Row(what, figure, f"≤ {number(bar) if bar == 1 else bar}", middle <= bar)
