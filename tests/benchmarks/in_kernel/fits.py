"""Times whole trainings of one model, one after the other."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING

from tests.benchmarks.in_kernel import reporters, workload

if TYPE_CHECKING:
    from collections.abc import Sequence

_model = workload.small_model()


def timed(names: Sequence[str], steps: int) -> dict[str, tuple[float, float]]:
    """Train under each reporter, in this order; return seconds by the clock, and of processor time."""
    times = {}
    for name in names:
        gc.collect()
        began, worked = time.perf_counter(), time.process_time()
        reporters.report(name, _model, steps)
        times[name] = (time.perf_counter() - began, time.process_time() - worked)
    return times
