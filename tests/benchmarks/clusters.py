"""What workers of a cluster do in a second, and what the monitor costs them: pairs of trainings."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.rows import Row, number, quartiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

BAR = 1.02
# Seconds.
START = 30
# By workers, what part of an epoch's steps each model trains: half a second to a second and a half. The speed
# of a machine with neighbours drifts, so that many short pairs tell more than a few long ones.
PARTS = {1: {"small": 1, "CNN": 1 / 4}, 2: {"small": 1 / 4, "CNN": 1 / 4}}
BATCH = 32


def rows(notebook: Notebook, effort: Effort) -> Iterator[Row]:
    """Train two models on 1 worker and on 2, in pairs, each kind as often first as the other."""
    notebook.run("%load_ext nbkeras\nfrom tests.benchmarks.in_kernel import clusters")
    alone: dict[str, float] = {}
    for workers, parts in PARTS.items():
        steps = {model: int(effort.epoch_steps * part) for model, part in parts.items()}
        named = f"{workers} worker{'s' * (workers > 1)}"
        took = notebook.value(f"clusters.started({workers}, {steps})")
        yield Row(f"`%cluster start`, {named}", f"{number(took)} s", f"≤ {START} s", took <= START)
        for model, count in steps.items():
            pairs = [_pair(notebook, model, turn) for turn in range(effort.cluster_pairs)]
            rate = (count - count // 10) / statistics.median([plain for plain, _ in pairs])
            samples = f"{number(rate * workers * BATCH)} samples"
            if workers > 1:
                samples += f", {rate * workers / alone[model]:.2f} times those of 1 worker"
            alone.setdefault(model, rate)
            yield Row(
                f"steps a second, {model}, {named}, {BATCH} samples each", f"{number(rate)} ({samples})"
            )
            ratios = [monitored / plain for plain, monitored in pairs]
            middle = statistics.median(ratios)
            what = f"{count:,} steps, {model}, {named}, monitored / without"
            yield Row(what, f"{middle:.3f}{quartiles(ratios)}", f"≤ {BAR}", middle <= BAR)
    notebook.run("%cluster stop")


def _pair(notebook: Notebook, model: str, turn: int) -> tuple[float, float]:
    order = [False, True] if turn % 2 else [True, False]
    plain, monitored = notebook.value(f"clusters.timed({model!r}, {order})")
    return plain, monitored
