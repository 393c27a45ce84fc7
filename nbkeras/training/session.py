"""What is done to each call while a cell is armed."""

from __future__ import annotations

import itertools
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.interrupt import count_here
from nbkeras.callbacks.monitor import MonitorHooks, monitor_class
from nbkeras.callbacks.plan import Plan
from nbkeras.checks.seeded_by_hand import global_seed
from nbkeras.devices.leaving_early import let_iterators_be_left
from nbkeras.reproducibility.seeding import LARGEST
from nbkeras.runs.naming import new_id
from nbkeras.runtime.durations import format_duration
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.training.added import added_callbacks
from nbkeras.training.callback_lists import JoinedList, members_of
from nbkeras.training.calls import Call
from nbkeras.training.data_passes import finding_notes
from nbkeras.training.distributing import distribution_notes
from nbkeras.training.generators import hold_generators
from nbkeras.training.metric_names import compiled_directions, refuse_unknown_metric
from nbkeras.training.padding import padding_of
from nbkeras.training.precision.findings import precision_notes
from nbkeras.training.results import results_of
from nbkeras.training.resuming import Resuming
from nbkeras.training.seeded import seeded_notes
from nbkeras.training.unshared import copying_notes, unshared
from nbkeras.training.witnessing import witnesses

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.run import Run
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.calls import CallKind
    from nbkeras.training.options import FitOptions
    from nbkeras.training.padding import Padding
    from nbkeras.training.precision.in_cell import CellPrecision
    from nbkeras.training.seeded_cells import SeededCell

# So many of its runs a session keeps at hand; the log has them all.
RUNS_HELD = 100


class Session:
    """The calls of one armed cell, and the runs that they made.

    Attributes:
        writes: whether files that are made here are those that the user asked for: of several workers, one's.
        has_peers: whether other processes run the same cell, and wait for this one in each step.
    """

    writes = True
    has_peers = False

    def __init__(self, options: Callable[[], FitOptions]) -> None:
        """Hold what gives the options, which is asked at each call; nothing is armed yet."""
        self._options = options
        self.runs: list[Run] = []
        self.interrupts = count_here()
        self._fits = itertools.count(1)
        self._backups: list[Resuming] = []
        self.cell: SeededCell | None = None
        self.precision: CellPrecision | None = None
        self.data: dict[str, Any] | None = None
        """The user's own data, by the names of ``fit``, while its calls are given others in their place."""

    def inner(self, options: FitOptions, each: Callable[[], FitOptions]) -> Session:
        """Return a session for a block of this one's cell that has options of its own.

        Args:
            options: of the block.
            each: gives those of each call.

        Raises:
            Refusal: for options that can't be those of a block here.
        """
        del options
        return Session(each)

    def begin_cell(self) -> None:
        """Note that a cell begins: its first interrupt is a graceful one, and its files are anew its own."""
        self.interrupts.seen = 0
        self._fits = itertools.count(1)

    def cell_ended(self) -> None:
        """Note that the cell came to its end, and no error ended it."""
        for backup in self._backups:
            if self.writes:
                backup.cell_ended()
        self._backups.clear()

    @property
    def options(self) -> FitOptions:
        """The options of a call that comes now."""
        return self._options()

    @property
    def run(self) -> Run | None:
        """The last run, None before the first."""
        return self.runs[-1] if self.runs else None

    def call(self, kind: CallKind, method: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Any:
        """Make one call, monitored and with the options applied.

        Raises:
            Refusal: for a call that cannot go well, before anything of the user's has changed.
        """
        __tracebackhide__ = True
        options = self._options()
        try:
            call = Call.of(kind, method, model, args, kwargs)
        except TypeError:
            # Wrong arguments: Keras's own words for it are the best ones.
            return method(model, *args, **kwargs)
        call.refuse_if_not_compiled()
        self._refuse(call, options)
        shared = distribution_notes(call, options.batch_size, pad=options.pad)
        padding = None
        if options.pad:
            padding, said = padding_of(call, options.batch_size)
            shared += said
        if self.precision is not None:
            shared += self.precision.notes(call, options.batch_size)
        own = next((c for c in members_of(call.get("callbacks")) if isinstance(c, MonitorHooks)), None)
        results = results_of(call)
        number = next(self._fits) if kind == "fit" else 0
        run = new_id(time.time())
        backup, first = None, []
        if kind == "fit" and options.backup is not None:
            backup = self._resuming(call, options, number, run)
            # Files that are named by the run go on, too.
            run = backup.run
            self._backups.append(backup)
        notes = _change(call, options, own) + shared
        added = []
        if kind == "fit":
            added = added_callbacks(
                options,
                run=run,
                number=number,
                has_validation=call.has_validation,
                directions=compiled_directions(model),
            )
        notes += [callback.note for callback in added]
        line = line_of(model) or active_line()
        more = [callback.build(line) for callback in added]
        plan = replace(self._plan(call, options, run, notes), results=results)
        # The plan holds what the user wrote, so the arrays are replaced after it.
        if backup is None:
            notes += self._ordered(call, options, number)
        else:
            backup.begin(call, options, number, notes)
            first.append(backup.callback)
        said, own_to_data = self._for_replicas(call, padding, number, first)
        notes += said
        first += own_to_data
        notes += copying_notes(call) + self._found(call, options) + precision_notes(call)
        if own is None:
            monitor = self._new_monitor(line, plan)
            more.append(monitor)
        else:
            # The user's own Monitor does the work; a second one would make a second run.
            monitor = own
            monitor.asked = plan
        if self.cell is not None:
            notes += self.cell.before(call)
        return self._monitored(call, more, monitor, first)

    def _refuse(self, call: Call, options: FitOptions) -> None:
        stopping = options.early_stopping
        if call.kind == "fit" and stopping is not None and stopping.metric is not None:
            refuse_unknown_metric(call, stopping.metric, "early_stopping")

    def _found(self, call: Call, options: FitOptions) -> list[str]:
        return finding_notes(call, options)

    def _resuming(self, call: Call, options: FitOptions, number: int, run: str) -> Resuming:
        return Resuming(call, options, number, run, data=self.data)

    def _ordered(self, call: Call, options: FitOptions, number: int) -> list[str]:
        return seeded_notes(call, options, number)

    def _for_replicas(
        self, call: Call, padding: Padding | None, number: int, others: list[Any]
    ) -> tuple[list[str], list[Any]]:
        """Replace data that replicas can't share as they are; return what is said, and callbacks for them."""
        strategy = getattr(call.model, "distribute_strategy", None)
        if strategy is not None:
            let_iterators_be_left(strategy)
        notes, callbacks = hold_generators(call, others)
        if padding is None:
            return notes, callbacks
        said, counting = padding.begin(call, self._any_seed(number))
        return said + notes, [counting, *callbacks]

    def _any_seed(self, number: int) -> int:
        """Return a seed for the orders of a fit's arrays, where no option gives one."""
        by_hand = global_seed()
        return secrets.randbelow(LARGEST) if by_hand is None else (by_hand + number - 1) % LARGEST

    def _new_monitor(self, line: Line, plan: Plan) -> Any:
        return monitor_class(line)(plan=plan)

    def _monitored(self, call: Call, more: list[Any], monitor: Any, first: list[Any]) -> Any:
        __tracebackhide__ = True
        more = [*witnesses(call), *more]
        before = monitor.run
        callbacks = call.get("callbacks")
        joined = None
        if hasattr(callbacks, "callbacks"):
            joined = JoinedList(callbacks, call.model, [*first, *more])
        else:
            # Before those that empty files as they begin: a refusal changes nothing.
            call.set("callbacks", [*first, *_listed(callbacks), *more])
        try:
            with unshared(call):
                result = call.run()
        except BaseException as error:
            monitor.close(error)
            raise
        finally:
            for callback in first:
                if hasattr(callback, "close"):
                    callback.close()
            if joined is not None:
                joined.leave()
            if monitor.run is not before:
                self.runs.append(monitor.run)
                # A session may last as long as its notebook.
                del self.runs[:-RUNS_HELD]
        monitor.close()
        return result

    def _plan(self, call: Call, options: FitOptions, run: str, notes: list[str]) -> Plan:
        parameters: dict[str, Any] = {"batch_size": call.batch_size}
        if call.says("validation_split"):
            parameters["validation_split"] = call.get("validation_split")
        return Plan(
            id=run,
            kind=call.kind,
            name=options.name or "",
            batch_size=call.batch_size,
            max_time=options.max_time if call.kind == "fit" else None,
            view=not options.quiet,
            notes=notes,
            parameters={key: value for key, value in parameters.items() if value is not None},
            interrupts=self.interrupts,
        )


def _change(call: Call, options: FitOptions, own: MonitorHooks | None) -> list[str]:
    """Set the arguments that the options ask for; return what is said about it."""
    notes = []
    if options.epochs is not None and call.kind == "fit":
        if call.says("epochs"):
            notes.append(f"--epochs {options.epochs} not used, the call says epochs={call.get('epochs')}")
        else:
            call.set("epochs", options.epochs)
            notes.append(f"epochs={options.epochs} by --epochs")
    if options.batch_size is not None:
        if call.says("batch_size"):
            said = call.get("batch_size")
            notes.append(f"--batch-size {options.batch_size} not used, the call says batch_size={said}")
        elif call.has_batches:
            notes.append(f"--batch-size {options.batch_size} not used, the data come in batches")
        else:
            call.set("batch_size", options.batch_size)
            notes.append(f"batch_size={options.batch_size} by --batch-size")
    if call.takes("verbose") and not call.says("verbose"):
        call.set("verbose", 0)
        notes.append("Keras's progress bar off, verbose=1 keeps it")
    if options.name is not None and own is not None and own.name:
        notes.append(f"--name {options.name} not used, the call's Monitor says name={own.name!r}")
    if options.max_time is not None and call.kind == "fit":
        limit, said = format_duration(options.max_time), None if own is None else own.max_time
        if said is None:
            notes.append(f"stops after {limit} by --max-time")
        else:
            notes.append(
                f"--max-time {limit} not used, the call's Monitor says max_time={format_duration(said)}"
            )
    # What Keras would have been told anyway goes on one line, each added callback on one of its own.
    return [" · ".join(notes)] if notes else []


def _listed(callbacks: Any) -> list[Any]:
    """Return callbacks as a list that others can join."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
