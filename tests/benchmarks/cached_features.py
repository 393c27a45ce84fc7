"""How much faster a new head trains on kept outputs of its frozen base, epochs after the first."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.rows import Row, number, told

if TYPE_CHECKING:
    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

BAR = 10
SAME = 1e-5
SAMPLES = 512
FEW = 32


def rows(notebook: Notebook, effort: Effort) -> list[Row]:
    """Train the head of a MobileNetV2 of 96 x 96 pixels both ways, three epochs each."""
    notebook.run("from tests.benchmarks.in_kernel import frozen_base")
    samples = SAMPLES if effort.kernels else FEW
    turns = [
        notebook.value(f"frozen_base.timed({samples})") for _ in range(max(1, min(3, effort.pairs // 3)))
    ]
    stages = [notebook.value(f"frozen_base.staged({samples})") for _ in turns]
    plain = [statistics.median(each[0][1:]) for each in turns]
    kept = [statistics.median(each[1][1:]) for each in turns]
    ratios = [a / b for a, b in zip(plain, kept, strict=True)]
    middle, apart = statistics.median(ratios), max(each[3] for each in turns)
    of_stages = [statistics.median(p[1:]) / statistics.median(k[1:]) for p, k, _ in stages]
    stages_apart = max(each[2] for each in stages)
    spread = f" ({number(min(ratios))} to {number(max(ratios))}, {len(ratios)} trainings)"
    what = f"epoch of {samples} images, MobileNetV2 frozen"
    return [
        told(f"{what}, plain", statistics.median(plain), "s"),
        told(f"{what}, cached", statistics.median(kept), "s"),
        told("the base's outputs, once", statistics.median([each[2] for each in turns]), "s"),
        Row("epoch after the first, plain / cached", f"{number(middle)}{spread}", f"≥ {BAR}", middle >= BAR),
        Row("its losses, plain and cached, apart", f"{apart:.1e}", f"≤ {SAME:.0e}", apart <= SAME),
        Row(
            "the same of `fine_tune`'s head, plain / cached",
            f"{number(statistics.median(of_stages))} ({number(min(of_stages))} to {number(max(of_stages))})",
            f"≥ {BAR}",
            statistics.median(of_stages) >= BAR,
        ),
        Row("its losses apart, too", f"{stages_apart:.1e}", f"≤ {SAME:.0e}", stages_apart <= SAME),
    ]
