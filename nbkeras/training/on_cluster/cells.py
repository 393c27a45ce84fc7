"""Begins and ends a cell on a worker: the strategy's scope, and a session for its calls."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from nbkeras.cluster import worker
from nbkeras.cluster.mirror import Sender
from nbkeras.reproducibility.seeding import seed as set_seed
from nbkeras.runs.opening import openers
from nbkeras.training.arming import arm, disarm
from nbkeras.training.on_cluster.files import write_elsewhere
from nbkeras.training.on_cluster.obeying import begin_obeying, worker_monitor_class
from nbkeras.training.options import fit_options
from nbkeras.training.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.callbacks.plan import Plan
    from nbkeras.runs.run import Run
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.calls import Call
    from nbkeras.training.options import FitOptions

_cell = ExitStack()


class WorkerSession(Session):
    """The calls of a cell on one worker."""

    def __init__(self, options: Callable[[], FitOptions]) -> None:
        """Hold what gives the options."""
        super().__init__(options)
        self._obeying = begin_obeying()
        # An interrupt that comes here is the notebook's second one: all workers leave their cell.
        self.interrupts.seen = 1

    def begin_cell(self) -> None:
        """Do nothing: each cell has a session of its own."""

    def _new_monitor(self, line: Line, plan: Plan) -> Any:
        monitor = worker_monitor_class(line)(plan=plan)
        monitor.obeying = self._obeying
        return monitor

    def _monitored(self, call: Call, more: list[Any], monitor: Any, first: list[Any]) -> Any:
        here = worker.here()
        if here.rank:
            given = call.get("callbacks") or []
            listed = getattr(given, "callbacks", given if isinstance(given, (list, tuple)) else [given])
            write_elsewhere([*listed, *more], here.folder / f"rank-{here.rank}")
        return super()._monitored(call, more, monitor, first)


def begin_cell(**values: Any) -> None:
    """Begin a cell: its models are made in the strategy's scope, and its calls are monitored.

    Args:
        **values: options of `nbkeras.fitting`.
    """
    end_cell()
    here = worker.here()
    options = fit_options(**values)
    if options.seed is not None:
        set_seed(options.seed, deterministic=True)
    session = WorkerSession(lambda: options)
    arm(session)
    _cell.callback(disarm, session)
    if here.rank == 0:
        openers.append(_send)
        _cell.callback(openers.remove, _send)
    # Entered in one request and left in another: the kernel executes both in its main thread.
    _cell.enter_context(here.strategy.scope())
    here.beats.cell_began()
    _cell.callback(here.beats.cell_ended)


def end_cell() -> None:
    """End the cell, if one has begun."""
    _cell.close()


def _send(run: Run) -> None:
    Sender(run)
