"""What of one run is still to be written to the log."""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nbkeras.runs.log.chunks import EPOCH_AXIS, STEP_AXIS
from nbkeras.runs.series import StepSeries, decimated

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.events import Event, Fresh
    from nbkeras.runs.run import Run

WAITING = 262_144
"""The most values of a series that wait for the disk; beyond, they are thinned to a half."""

_MANY = WAITING // 4  # From so many on, the writer is not to wait for its next turn.

_Pair: TypeAlias = "tuple[array[int], array[float]]"


@dataclass(slots=True)
class Batch:
    """What is to be written at once: (axis, metric) -> steps and values, and events."""

    series: dict[tuple[int, str], _Pair] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything in it."""
        return bool(self.series or self.events)

    def add(self, axis: int, step: int, values: dict[str, float]) -> None:
        """Add the values of a step or an epoch."""
        series = self.series
        for name, value in values.items():
            try:
                steps, numbers = series[axis, name]
            except KeyError:
                steps, numbers = series[axis, name] = array("q"), array("d")
            steps.append(step)
            numbers.append(value)

    def extend(self, later: Batch) -> None:
        """Add what came after this one."""
        for key, (steps, values) in later.series.items():
            pair = self.series.setdefault(key, (array("q"), array("d")))
            pair[0].extend(steps)
            pair[1].extend(values)
        self.events.extend(later.events)

    @property
    def longest(self) -> int:
        """The length of its longest series."""
        return max((len(steps) for steps, _ in self.series.values()), default=0)

    def thin(self) -> bool:
        """Halve the series that are too long; say whether there was one."""
        long = [key for key, (steps, _) in self.series.items() if len(steps) > WAITING]
        for key in long:
            whole = as_series(self.series[key])
            self.series[key] = _pair(decimated(whole.steps, whole.values, WAITING // 2))
        return bool(long)


class Recorder:
    """The log's ear at one run: it takes what the run says until the writer fetches it.

    Args:
        run: The run.
        hurry: Called at the run's end, so that it is written at once.
        settle: Waits a moment until everything is written, or the log is off.

    """

    def __init__(self, run: Run, hurry: Callable[[], None], settle: Callable[[], object]) -> None:
        """Begin with nothing to write."""
        self.run = run
        self._settle = settle
        self._fetched = False
        self.off = False
        """Nothing is taken any more: the log is off for this run."""
        self.ended = False
        """The run has ended: the next write is its last."""
        self._hurry = hurry
        self._batch = Batch()
        self._last_step = -1
        self._told: dict[str, int] = {}  # metric -> values by epoch that came
        self._events = 0
        # Re-entrant: an interrupt's handler may end the run in the midst of a tick.
        self._lock = threading.RLock()

    def on_tick(self, _: Run, fresh: Fresh) -> None:
        """Take what came since the last tick."""
        if self.off:
            return
        with self._lock:
            batch = self._batch
            for step, values in fresh.steps:
                batch.add(STEP_AXIS, step, values)
            for epoch, values in fresh.epochs:
                batch.add(EPOCH_AXIS, epoch, values)
                for metric in values:
                    self._told[metric] = self._told.get(metric, 0) + 1
            batch.events.extend(fresh.events)
            self._events += len(fresh.events)
            if fresh.steps:
                self._last_step = fresh.steps[-1][0]
            many = batch.longest > _MANY
            thinned = many and batch.thin()
        if many:
            self._hurry()
        if thinned:
            self.run.add_note("the disk did not keep up: the run log holds fewer steps than ran")

    def on_end(self, _: Run) -> None:
        """Have the end written."""
        self.ended = True
        self._hurry()
        if not self._fetched:
            # A run so short that the writer has not come by yet: the views, which take the end after the
            # log, shall know whether there is a log at all.
            self._settle()

    def take(self) -> Batch:
        """Hand over what is to be written."""
        with self._lock:
            batch, self._batch = self._batch, Batch()
            self._fetched = True
        return batch

    def give_back(self, batch: Batch) -> None:
        """Take back what could not be written yet."""
        with self._lock:
            batch.extend(self._batch)
            self._batch = batch
            batch.thin()

    def start_over(self) -> None:
        """Have everything that the run itself still knows written again, to a new file.

        Steps come thinned, as the run keeps them; epochs and events come whole.
        """
        with self._lock:
            batch = Batch(events=self.run.events[: self._events])
            for metric in self.run.metrics:
                points = self.run.series(metric)
                told = points.steps <= self._last_step  # The rest comes with the next tick.
                if told.any():
                    kept = StepSeries(points.steps[told], points.values[told])
                    batch.series[STEP_AXIS, metric] = _pair(kept)
            for metric, count in self._told.items():
                epochs = self.run.epoch_numbers(metric)[:count]
                values = self.run.history[metric][:count]
                batch.series[EPOCH_AXIS, metric] = array("q", epochs), array("d", values)
            self._batch = batch

    def disown(self) -> None:
        """Take nothing more, in a forked child: the run is the parent's."""
        self.off = True
        self._lock = threading.RLock()

    def turn_off(self, reason: str) -> None:
        """Write nothing more of this run, and let it say so."""
        self.off = True
        self.run.archive = None
        with self._lock:
            self._batch = Batch()
        self.run.add_note(f"the run log is off: {reason}")


def as_series(pair: _Pair) -> StepSeries:
    """Copy what waits: a view would forbid to append to it."""
    return StepSeries(np.array(pair[0], np.int64), np.array(pair[1], np.float64))


def _pair(series: StepSeries) -> _Pair:
    return array("q", series.steps.tobytes()), array("d", series.values.tobytes())
