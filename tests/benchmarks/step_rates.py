"""What a monitor says on iopub while a loop runs at several step rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.rows import Row, at_most, kilobytes, number

if TYPE_CHECKING:
    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

RATES = (20, 200, 2000)
MESSAGES = 12
KILOBYTES = 4
# The beginning and the end of a run say more than its middle: the peers' table counts them in.
MARGIN = 1.0


def rows(notebook: Notebook, effort: Effort) -> list[Row]:
    """Count messages and their bytes in the middle of a run, with 4 metrics by step and 8 in all."""
    notebook.run("from tests.benchmarks.in_kernel.loops import loop")
    result = []
    for rate in RATES:
        traffic = notebook.run(f"reached = loop({rate}, {effort.rate_seconds})")
        traffic = traffic.inner(min(MARGIN, traffic.seconds / 4))
        reached = notebook.value("reached")
        seconds, count = traffic.seconds, len(traffic.messages)
        what = (
            f"at {rate:,} steps/s"
            if reached > 0.95 * rate
            else f"at {rate:,} steps/s ({number(reached)} reached)"
        )
        size, wire = kilobytes(traffic.payload) / seconds, kilobytes(traffic.wire) / seconds
        result += [
            at_most(f"messages a second {what}", count / seconds, MESSAGES, "/s"),
            at_most(
                f"bytes a second {what}",
                size,
                KILOBYTES,
                "KB/s",
                more=f" ({number(wire)} with Jupyter's envelope)",
            ),
        ]
    return result
