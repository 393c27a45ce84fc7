"""Begins and ends a cell on a worker: the strategy's scope, and a session for its calls."""

from __future__ import annotations

import functools
import itertools
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from nbkeras.cluster import worker
from nbkeras.cluster.mirror import Sender
from nbkeras.reproducibility.seeding import LARGEST
from nbkeras.reproducibility.seeding import seed as set_seed
from nbkeras.runs.opening import takers
from nbkeras.training.arming import arm, disarm
from nbkeras.training.on_cluster.coordinating import coordinated, coordination_notes
from nbkeras.training.on_cluster.files import back_up_together, write_elsewhere
from nbkeras.training.on_cluster.obeying import begin_obeying, worker_monitor_class
from nbkeras.training.on_cluster.options import refuse_in_blocks
from nbkeras.training.on_cluster.ordering import common_order
from nbkeras.training.on_cluster.orders import order_notes
from nbkeras.training.on_cluster.own_monitor import let_obey, refuse_own_clocks
from nbkeras.training.on_cluster.saving import saved_elsewhere
from nbkeras.training.options import fit_options
from nbkeras.training.precision.in_cell import in_precision
from nbkeras.training.resuming import Resuming, kept_generators
from nbkeras.training.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from nbkeras.callbacks.plan import Continued, Plan
    from nbkeras.runs.run import Run
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.calls import Call
    from nbkeras.training.on_cluster.obeying import Obeying
    from nbkeras.training.options import FitOptions

_LOOP = "a loop on a cluster hears no stop, pause or learning rate: two interrupts leave the cell"

# More than the calls of a block, from whose numbers the seeds of their orders come.
_CALLS = 1_000_000

_cell = ExitStack()
# That of the cell under way, and no other one.
_sessions: list[CellSession] = []


class CellSession(Session):
    """The calls of a cell in a process of the cluster."""

    has_peers = True

    def __init__(
        self, options: Callable[[], FitOptions], order_seed: int, outer: CellSession | None = None
    ) -> None:
        """Hold what gives the options, the seed of the order of a backup's arrays, and the session around."""
        super().__init__(options)
        self.writes = worker.here().rank == 0
        self._order_seed = order_seed
        self.obeying: Obeying = begin_obeying() if outer is None else outer.obeying
        self._blocks = itertools.count(1)
        self.continued: dict[str, Continued] = {} if outer is None else outer.continued
        # An interrupt that comes here is the notebook's second one: all workers leave their cell.
        self.interrupts.seen = 1

    def inner(self, options: FitOptions, each: Callable[[], FitOptions]) -> Session:
        """Return a session of the same kind, which hears the notebook as this one does."""
        here = worker.here()
        refuse_in_blocks(options, served=here.coordinates, apart=here.apart)
        # Its calls are counted from 1 on, too, and each has an order of its own.
        seed = (self._order_seed + _CALLS * next(self._blocks)) % LARGEST
        return type(self)(each, seed, self)

    def begin_cell(self) -> None:
        """Do nothing: each cell has a session of its own."""

    def _new_monitor(self, line: Line, plan: Plan) -> Any:
        return worker_monitor_class(line)(plan=plan)

    def _monitored(self, call: Call, more: list[Any], monitor: Any, first: list[Any]) -> Any:
        __tracebackhide__ = True
        let_obey(monitor, self.obeying, self.continued)
        return super()._monitored(call, more, monitor, first)


class WorkerSession(CellSession):
    """The calls of a cell on one of the workers that make every step together."""

    def _refuse(self, call: Call, options: FitOptions) -> None:
        super()._refuse(call, options)
        refuse_own_clocks(call)

    def _found(self, call: Call, options: FitOptions) -> list[str]:
        return [*super()._found(call, options), *order_notes(call, worker.here().strategy)]

    def _ordered(self, call: Call, options: FitOptions, number: int) -> list[str]:
        notes = super()._ordered(call, options, number)
        return notes or common_order(call, self._seed_of(number))

    def _any_seed(self, number: int) -> int:
        return self._seed_of(number)

    def _seed_of(self, number: int) -> int:
        return (self._order_seed + number) % LARGEST

    def _resuming(self, call: Call, options: FitOptions, number: int, run: str) -> Resuming:
        # Nobody writes before all have read, and nobody reads while one still writes.
        _wait_for_all()
        backup = Resuming(call, options, number, run, order_seed=self._seed_of(number), writes=self.writes)
        _wait_for_all()
        return backup

    def _monitored(self, call: Call, more: list[Any], monitor: Any, first: list[Any]) -> Any:
        here = worker.here()
        given = call.get("callbacks") or []
        listed = getattr(given, "callbacks", given if isinstance(given, (list, tuple)) else [given])
        back_up_together([*listed, *more], writes=self.writes)
        if here.rank:
            write_elsewhere([*listed, *more], here.folder / f"rank-{here.rank}")
        return super()._monitored(call, more, monitor, first)


class CoordinatorSession(CellSession):
    """The calls of a cell on the coordinator: it reads the data, and workers make the steps."""

    has_peers = False

    def _ordered(self, call: Call, options: FitOptions, number: int) -> list[str]:
        return [*super()._ordered(call, options, number), *coordination_notes(call)]

    def _monitored(self, call: Call, more: list[Any], monitor: Any, first: list[Any]) -> Any:
        __tracebackhide__ = True
        with coordinated(call):
            return super()._monitored(call, more, monitor, first)


def _wait_for_all() -> None:
    """Return when all workers have come here."""
    worker.here().strategy.reduce("SUM", _one()(), axis=None)


@functools.lru_cache(maxsize=1)
def _one() -> Any:
    import tensorflow as tf

    strategy = worker.here().strategy

    def one() -> Any:
        return tf.constant(1.0)

    # As a function of TensorFlow's, or it warns that this is slow.
    return tf.function(lambda: strategy.run(one), autograph=False)


def begin_cell(folder: str, away: Collection[int], order_seed: int, **values: Any) -> None:
    """Begin a cell: its models are made in the strategy's scope, and its calls are monitored.

    Args:
        folder: where the notebook is now; relative paths of the cell mean what they mean there.
        away: the workers that do not see it; there they mean the worker's own folder.
        order_seed: seed of the order of a backup's arrays, the same for all workers.
        **values: options of `nbkeras.fitting`.
    """
    end_cell()
    here = worker.here()
    os.chdir(here.folder if here.rank in away else folder)
    options = fit_options(**values)
    if options.seed is not None:
        set_seed(options.seed, deterministic=True)
    kind = CoordinatorSession if here.coordinates else WorkerSession
    session = kind(lambda: options, order_seed)
    session.precision = _cell.enter_context(in_precision(options.mixed_precision))
    arm(session)
    _cell.callback(disarm, session)
    _cell.enter_context(kept_generators(backup=options.backup is not None))
    if here.rank and not here.coordinates:
        _cell.enter_context(saved_elsewhere(here.folder / f"rank-{here.rank}"))
    # What a cell imports of nbkeras would open views of its own here.
    take = _send if here.rank == 0 else _leave
    takers.append(take)
    _cell.callback(takers.remove, take)
    # Entered in one request and left in another: the kernel executes both in its main thread.
    _cell.enter_context(here.strategy.scope())
    here.beats.cell_began()
    _cell.callback(here.beats.cell_ended)
    _sessions.append(session)


def end_cell(*, came_to_its_end: bool = False) -> None:
    """End the cell, if one has begun.

    Args:
        came_to_its_end: whether no error ended it on any worker. Default False.
    """
    while _sessions:
        session = _sessions.pop()
        if came_to_its_end and worker.here().rank == 0:
            session.cell_ended()
    _cell.close()


def _leave(run: Run) -> None:
    """Do nothing with a run: rank 0 tells of it."""


def _send(run: Run) -> None:
    if run.kind == "loop":
        run.add_note(_LOOP)
    Sender(run, _sessions[-1].continued.get(run.id))
