"""What workers of a cluster do in a second, and what the monitor costs them: pairs of trainings."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.rows import Row, number, quartiles, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

BAR = 1.02
WORKERS = (1, 2)
EPOCHS, BATCH = 5, 32


def rows(notebook: Notebook, effort: Effort) -> Iterator[Row]:
    """Train on 1 worker and on 2, in pairs, each kind as often first as the other."""
    notebook.run("%load_ext nbkeras\nfrom tests.benchmarks.in_kernel import clusters")
    rates: dict[int, float] = {}
    for workers in WORKERS:
        named = f"{workers} worker{'s' * (workers > 1)}"
        took = notebook.value(f"clusters.started({workers}, {effort.epoch_steps})")
        yield told(f"`%cluster start`, {named}", took, "s")
        # A worker alone takes an eighth of the time, and its pairs differ more.
        count = effort.pairs if workers == 1 else max(2, effort.pairs // 3)
        pairs = [_pair(notebook, turn) for turn in range(count)]
        rates[workers] = EPOCHS * effort.epoch_steps / statistics.median([plain for plain, _ in pairs])
        samples = f"{number(rates[workers] * workers * BATCH)} samples"
        if workers > 1:
            samples += f", {rates[workers] * workers / rates[1]:.2f} times those of 1 worker"
        what = f"steps a second, {named}, {BATCH} samples each"
        yield Row(what, f"{number(rates[workers])} ({samples})")
        ratios = [monitored / plain for plain, monitored in pairs]
        middle = statistics.median(ratios)
        what = f"`fit` of {EPOCHS * effort.epoch_steps:,} steps on {named}, monitored / without"
        yield Row(what, f"{middle:.3f}{quartiles(ratios)}", f"≤ {BAR}", middle <= BAR)
    notebook.run("%cluster stop")


def _pair(notebook: Notebook, turn: int) -> tuple[float, float]:
    plain, monitored = notebook.value(f"clusters.timed({[False, True] if turn % 2 else [True, False]})")
    return plain, monitored
