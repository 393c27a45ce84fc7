"""A `Monitor` that a cell has among its callbacks obeys the notebook as the one that it is given does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.monitor import MonitorHooks
from nbkeras.runtime.durations import format_duration
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.callback_lists import members_of
from nbkeras.training.on_cluster.obeying import WorkerMonitorHooks

if TYPE_CHECKING:
    from nbkeras.callbacks.plan import Continued
    from nbkeras.training.calls import Call
    from nbkeras.training.on_cluster.obeying import Obeying


def let_obey(monitor: Any, obeying: Obeying, continued: dict[str, Continued]) -> None:
    """Let a monitor carry out what is asked of all workers after the step that rank 0 has chosen.

    Args:
        monitor: the cell's own, or one that it was given.
        obeying: what the monitors of this worker's cell share.
        continued: where it notes the run that it goes on with.
    """
    kind = type(monitor)
    if not isinstance(monitor, WorkerMonitorHooks):
        # A class of one's own keeps what it does.
        monitor.__class__ = type(kind.__name__, (WorkerMonitorHooks, kind), {"__module__": kind.__module__})
    monitor.obeying, monitor.continued = obeying, continued


def refuse_own_clocks(call: Call) -> None:
    """Refuse a time limit that each worker would look at by itself.

    Raises:
        Refusal: for a `Monitor` with ``max_time``.
    """
    for each in members_of(call.get("callbacks")):
        limit = each.max_time if isinstance(each, MonitorHooks) else None
        if limit is not None:
            raise Refusal(
                "Monitor: expected one without max_time, because workers that each look at a clock of their "
                f"own stop at different steps and wait for ever, received {format_duration(limit)}: give  "
                f"%%cluster --max-time {format_duration(limit)}"
            )
