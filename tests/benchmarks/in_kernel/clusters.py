"""Times trainings on the workers of a cluster, with the monitor and without."""

from __future__ import annotations

import time

from IPython.core.getipython import get_ipython

from tests.benchmarks.in_kernel import workload

# As a user would write it, but for `plain`, which takes nbkeras off the class of the model meanwhile.
_CELL = """
import time
from contextlib import contextmanager
from nbkeras.training.arming import arm, disarm
from nbkeras.training.on_cluster import cells
from tests.benchmarks.in_kernel import workload

@contextmanager
def plain():
    (session,) = cells._sessions
    disarm(session)
    yield
    arm(session)

def seconds():
    began = time.perf_counter()
    model.fit(x, y, batch_size={batch}, epochs=workload.EPOCHS, shuffle=False, verbose=0)
    return time.perf_counter() - began

model = workload.small_model()
x, y = workload.data({steps} * {batch} // workload.BATCH)
with plain():
    seconds()
"""
_PAIR = """
times = {{}}
for monitored in {order}:
    if monitored:
        times[True] = seconds()
    else:
        with plain():
            times[False] = seconds()
"""


def started(workers: int, steps: int) -> float:
    """Start workers in the place of those before, and what they train; return the seconds of the start.

    Args:
        workers: how many.
        steps: of each epoch, in batches of 32 samples for each worker.
    """
    shell = get_ipython()
    shell.run_line_magic("cluster", "stop")
    began = time.perf_counter()
    shell.run_line_magic("cluster", f"start --workers {workers}")
    took = time.perf_counter() - began
    batch = workload.BATCH * workers
    shell.run_cell_magic("cluster", "", _CELL.format(batch=batch, steps=steps))
    return took


def timed(order: list[bool]) -> tuple[float, float]:
    """Train with and without the monitor, in this order; return rank 0's seconds without, and those with it.

    Args:
        order: for each training whether it is monitored.
    """
    shell = get_ipython()
    shell.run_cell_magic("cluster", "", _PAIR.format(order=order))
    shell.run_line_magic("cluster", "get times")
    times = shell.user_ns["times"]
    return times[False], times[True]
