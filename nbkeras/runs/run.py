"""A run of this process."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nbkeras.runs.control import Control
from nbkeras.runs.events import Event, Fresh
from nbkeras.runs.legible import legible
from nbkeras.runs.naming import new_id
from nbkeras.runs.progress import Progress
from nbkeras.runs.record import EpochSeries, RunRecord
from nbkeras.runs.series import Series, StepSeries
from nbkeras.runs.vocabulary import UNDER_WAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nbkeras.runs.vocabulary import JSON, Kind, Status


class Observer(Protocol):
    """Whoever wants to be told of a run: a view, the log.

    Both methods are called in the thread that trains. An observer that raises
    is told nothing more, and the run says so in a note.
    """

    def on_tick(self, run: Run, fresh: Fresh) -> None:
        """Take what came since the last tick."""

    def on_end(self, run: Run) -> None:
        """Take the end: the status is final, and no tick follows."""


class Run(RunRecord):
    """A run of this process: one thread writes it, any thread reads it.

    It takes a million steps in constant memory: series by step are kept as at
    most 2,000 points each, and the whole ones go to the log.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("loop", "demo")
        >>> run.record_step(1, {"loss": 0.5})
        >>> run.record_epoch(1, {"loss": 0.4, "val_loss": 0.6})
        >>> run.finish("finished")
        >>> run.history
        {'loss': [0.4], 'val_loss': [0.6]}

    Args:
        kind: What it does.
        name: What the user calls it; its kind when empty.
        parameters: What it was started with, as JSON knows it.
        environment: Where it runs, as JSON knows it.
        id: An id that `naming.new_id` has made for it; by default it makes one.

    """

    def __init__(
        self,
        kind: Kind,
        name: str = "",
        parameters: Mapping[str, JSON] | None = None,
        environment: Mapping[str, JSON] | None = None,
        id: str | None = None,
    ) -> None:
        """Begin a run that nobody looks at yet."""
        self.created = time.time()
        self.id = id or new_id(self.created)
        self.name = legible(name or kind)
        self.kind = kind
        self.status = "running"
        self.reason = ""
        self.parameters = dict(parameters or {})
        self.environment = dict(environment or {})
        self.notes = []
        self.ended = None
        self.progress = Progress()
        self.control = Control()
        self.events = []
        self.directions = {}
        self.archive: Callable[[str], StepSeries | None] | None = None
        """Where whole series are kept, if anywhere: metric -> series."""
        self.reopened = False
        """It goes on with an earlier run of its id, in whose place it comes in the log."""
        self.drawn = False
        """What trains shows its progress in the terminal by itself: a line of a view would cross it."""
        self._epochs = {}
        self._series: dict[str, Series] = {}
        self._metrics: dict[str, None] = {}
        self._fresh = Fresh()
        self._observers: list[Observer] = []
        # Re-entrant: an interrupt's handler may add an event in the midst of any method.
        self._lock = threading.RLock()

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, in order of appearance."""
        with self._lock:
            return tuple(self._metrics)

    @property
    def history(self) -> dict[str, list[float]]:
        """Each metric's values by epoch, as in Keras's own History."""
        with self._lock:
            return super().history

    def epoch_numbers(self, metric: str) -> list[int]:
        """Read the 1-based epochs to which the values in `history` belong."""
        with self._lock:
            return super().epoch_numbers(metric)

    def steps(self, metric: str) -> StepSeries:
        """Read a metric's whole series by step: from the log, else at most 2,000 points."""
        self._expect(metric)
        whole = self.archive(metric) if self.archive is not None else None
        return self.series(metric) if whole is None or not len(whole) else whole

    def series(self, metric: str) -> StepSeries:
        """Read a metric's series by step in at most 2,000 points, for a view."""
        self._expect(metric)
        with self._lock:
            each = self._series.get(metric)
            if each is not None:
                return each.points()
        return StepSeries(np.empty(0, np.int64), np.empty(0))

    def record_step(self, step: int, values: Mapping[str, float]) -> None:
        """Add the values after a step.

        Args:
            step: The total step number, counted over all epochs.
            values: metric -> value; NaN and infinity are values too.

        """
        if self.status not in UNDER_WAY:
            return
        with self._lock:
            series = self._series
            kept = {}
            for name, value in values.items():
                kept[name] = number = float(value)
                try:
                    each = series[name]
                except KeyError:
                    each = series[name] = Series()
                    self._metrics[name] = None
                each.append(step, number)
            self._fresh.steps.append((step, kept))

    def record_epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Add the values at an epoch's end; epochs may differ in their metrics.

        Args:
            epoch: The 1-based epoch.
            values: metric -> value; NaN and infinity are values too.

        """
        if self.status not in UNDER_WAY:
            return
        kept = {name: float(value) for name, value in values.items()}
        with self._lock:
            for name, value in kept.items():
                if name not in self._epochs:
                    self._epochs[name] = EpochSeries()
                    self._metrics[name] = None
                self._epochs[name].append(epoch, value)
            self._fresh.epochs.append((epoch, kept))

    def add_event(self, text: str) -> None:
        """Add something that happened just now, for the views to show."""
        event = Event(self.progress.done, legible(text), time.time())
        with self._lock:
            self.events.append(event)
            self._fresh.events.append(event)

    def add_events(self, events: Iterable[Event]) -> None:
        """Add what happened earlier."""
        with self._lock:
            for event in events:
                self.events.append(event)
                self._fresh.events.append(event)

    def add_note(self, text: str) -> None:
        """Add something that the user should know of this run; said once only."""
        said = legible(text)
        with self._lock:
            if said not in self.notes:
                self.notes.append(said)

    def set_status(self, status: Status) -> None:
        """Go from running to paused, or back; `finish` is for the end."""
        if status in UNDER_WAY and self.status in UNDER_WAY:
            self.status = status

    def observe(self, observer: Observer) -> None:
        """Tell an observer of what comes from now on."""
        with self._lock:
            self._observers.append(observer)

    def unobserve(self, observer: Observer) -> None:
        """Tell an observer nothing more; unknown ones are no mistake."""
        with self._lock:
            self._observers = [each for each in self._observers if each is not observer]

    def tick(self, *, snapshot: bool = False) -> None:
        """Hand what came since the last tick to the observers.

        Args:
            snapshot: A view asked for the whole picture.

        """
        with self._lock:
            fresh, self._fresh = self._fresh, Fresh()
            observers = tuple(self._observers)
        fresh.snapshot = snapshot
        for observer in observers:
            self._tell(observer, partial(observer.on_tick, self, fresh))

    def finish(self, status: Status, reason: str = "") -> None:
        """End the run: a last tick, then the observers are told; only the first call counts.

        Args:
            status: One of finished, stopped, interrupted, failed.
            reason: Why, in a few words.

        """
        with self._lock:
            if self.status not in UNDER_WAY:
                return
            # The last tick comes with the final status, and nothing is recorded after it.
            self.status = "finished" if status in UNDER_WAY else status
            self.reason = legible(reason)
            self.ended = time.time()
        self.tick()
        for observer in tuple(self._observers):
            self._tell(observer, partial(observer.on_end, self))

    def _tell(self, observer: Observer, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - a view must not end the training
            self.unobserve(observer)
            what = f"{type(error).__name__}: {error}"
            self.add_note(f"{type(observer).__name__} shows nothing more of this run: {what}")
