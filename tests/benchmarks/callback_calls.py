"""What a call of the callback costs, between two ticks and on one."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from tests.benchmarks.rows import Row, at_most, number, percentile, told

if TYPE_CHECKING:
    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

OFF_TICK_US = 3
TICK_MS = 0.3


def rows(notebook: Notebook, effort: Effort) -> list[Row]:
    """Drive a real Monitor in the kernel, its widget's messages on their way to this process."""
    notebook.run("from tests.benchmarks.in_kernel import calls")
    off = _times(notebook, f"calls.off_the_tick({effort.calls})", 1e6)
    ticks = _times(notebook, f"calls.on_the_tick({effort.ticks}, sketch=False)", 1e3)
    sketches = _times(notebook, f"calls.on_the_tick({effort.ticks // 3}, sketch=True)", 1e3)
    alone = _times(notebook, f"calls.dispatched({effort.calls}, monitored=False)", 1e6)
    monitored = _times(notebook, f"calls.dispatched({effort.calls}, monitored=True)", 1e6)
    return [
        at_most("callback call between two ticks", statistics.median(off), OFF_TICK_US, "µs"),
        at_most("a tick: 4 metrics, log, view", statistics.median(ticks), TICK_MS, "ms", more=_p95(ticks)),
        told("a tick with a sketch, one in 2 s", statistics.median(sketches), "ms", more=_p95(sketches)),
        told("Keras's batch hooks, verbose=0", statistics.median(alone), "µs"),
        told("Keras's batch hooks, monitored, between two ticks", statistics.median(monitored), "µs"),
    ]


def _times(notebook: Notebook, source: str, scale: float) -> list[float]:
    return [seconds * scale for seconds in notebook.value(source)]


def _p95(values: list[float]) -> str:
    return f" (median of {len(values)}, 95 % below {number(percentile(values, 0.95))})"
