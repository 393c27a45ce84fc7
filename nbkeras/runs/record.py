"""What can be read of any run, live or stored."""

from __future__ import annotations

import importlib
import math
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runs import metrics as names
from nbkeras.runs.vocabulary import UNDER_WAY
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.runs.events import Event
    from nbkeras.runs.progress import Progress
    from nbkeras.runs.series import StepSeries
    from nbkeras.runs.vocabulary import JSON, Axis, Direction, Kind, Status


@dataclass(frozen=True, slots=True)
class Best:
    """The best value of a metric, and where it was reached.

    Attributes:
        value: The best finite value.
        at: The 1-based epoch, or the total step number.
        axis: Which of the two `at` is.

    """

    value: float
    at: int
    axis: Axis


class EpochSeries:
    """The values of one metric by epoch, with the best ones at hand."""

    __slots__ = ("_best", "epochs", "values")

    def __init__(self) -> None:
        """Begin with no epoch."""
        self.epochs: list[int] = []
        self.values: list[float] = []
        self._best: dict[Direction, Best] = {}

    def append(self, epoch: int, value: float) -> None:
        """Add the value of one epoch."""
        self.epochs.append(epoch)
        self.values.append(value)
        if not math.isfinite(value):
            return
        low, high = self._best.get("min"), self._best.get("max")
        if low is None or value < low.value:
            self._best["min"] = Best(value, epoch, "epoch")
        if high is None or value > high.value:
            self._best["max"] = Best(value, epoch, "epoch")

    def best(self, direction: Direction) -> Best | None:
        """Look up the best finite value, the first one of equals."""
        return self._best.get(direction)


class RunRecord(ABC):
    """What can be read of a run, whether it is live or comes from the log.

    Attributes:
        id: Unique and sortable by time, such as "20261123-165512-3f2a".
        name: What the user calls it.
        kind: What it does: fit, evaluate, predict, loop, search.
        status: running, paused, finished, stopped, interrupted or failed.
        reason: Why it ended so, "" when there is nothing to say.
        parameters: What it was started with.
        environment: Where it ran.
        notes: What the user should know of it.
        created: Begin, in seconds since 1970.
        ended: End, in seconds since 1970, or None.
        progress: How far it has come.
        events: What happened to it, such as a new learning rate.
        directions: Which way is better, for metrics whose names do not say it.

    """

    id: str
    name: str
    kind: Kind
    status: Status
    reason: str
    parameters: dict[str, JSON]
    environment: dict[str, JSON]
    notes: list[str]
    created: float
    ended: float | None
    progress: Progress
    events: list[Event]
    directions: dict[str, Direction]
    _epochs: dict[str, EpochSeries]

    @property
    @abstractmethod
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, in order of appearance."""

    @abstractmethod
    def steps(self, metric: str) -> StepSeries:
        """Read a metric's whole series by step.

        Args:
            metric: One of `metrics`.

        Returns:
            Every value that was recorded; at most 2,000 points, lows and highs
            among them, where there is no log to read them from.

        Raises:
            Refusal: When the run has no such metric.

        """

    @abstractmethod
    def series(self, metric: str) -> StepSeries:
        """Read a metric's series by step in at most 2,000 points, for a view.

        Args:
            metric: One of `metrics`.

        Returns:
            The lows and highs of each stretch, and values that are not finite.

        Raises:
            Refusal: When the run has no such metric.

        """

    @property
    def live(self) -> bool:
        """Whether the run is still under way."""
        return self.status in UNDER_WAY

    @property
    def seconds(self) -> float:
        """How long it has worked: without pauses where that is known."""
        if self.progress.elapsed > 0:
            return self.progress.elapsed
        return max(0.0, (time.time() if self.ended is None else self.ended) - self.created)

    @property
    def history(self) -> dict[str, list[float]]:
        """Each metric's values by epoch, as in Keras's own History."""
        return {name: list(each.values) for name, each in list(self._epochs.items())}

    def epoch_numbers(self, metric: str) -> list[int]:
        """Read the 1-based epochs to which the values in `history` belong.

        Args:
            metric: One of `metrics`.

        Raises:
            Refusal: When the run has no such metric.

        """
        self._expect(metric)
        each = self._epochs.get(metric)
        return list(each.epochs) if each else []

    def direction(self, metric: str) -> Direction:
        """Tell whether "min" or "max" is the better end of a metric."""
        given = self.directions.get(metric) or self.directions.get(names.group(metric))
        return given or names.direction(metric)

    def best_of(self, metric: str) -> Best | None:
        """Look up a metric's best value: by epoch, or by step before the first epoch's end.

        Args:
            metric: One of `metrics`.

        Returns:
            The best finite value; None when there is none, when no value is better than
            another (a learning rate), or while an evaluation goes on.

        Raises:
            Refusal: When the run has no such metric.

        """
        self._expect(metric)
        if not names.ranked(metric):
            return None
        direction = self.direction(metric)
        by_epoch = self._epochs.get(metric)
        if by_epoch is not None:
            return by_epoch.best(direction)
        if self.kind == "evaluate":
            # What its steps say is the mean so far: the best of them would be that of the fewest batches.
            return None
        points = self.series(metric)
        finite = np.isfinite(points.values)
        if not finite.any():
            return None
        steps, values = points.steps[finite], points.values[finite]
        at = int(values.argmin() if direction == "min" else values.argmax())
        return Best(float(values[at]), int(steps[at]), "step")

    def summary(self) -> dict[str, Any]:
        """Say in one row what a list of runs shows.

        Returns:
            id, name, kind, status, created (seconds since 1970), seconds of
            work, epochs finished, steps done, and best: metric -> value.

        """
        best = {name: self.best_of(name) for name in self.metrics}
        last = [each.epochs[-1] for each in list(self._epochs.values()) if each.epochs]
        return {
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "status": self.status,
            "created": self.created,
            "seconds": self.seconds,
            "epochs": max(last, default=0),
            "steps": self.progress.done,
            "best": {name: each.value for name, each in best.items() if each is not None},
        }

    def to_frame(self) -> Any:
        """Make a pandas table of the history, one row an epoch.

        Example:
            >>> import nbkeras
            >>> frame = nbkeras.runs.latest().to_frame()
            >>> float(frame["val_loss"].min())
            0.3

        Returns:
            A DataFrame with the epoch as its index and a column for each
            metric, NaN where an epoch lacks a value.

        Raises:
            Refusal: When pandas is not installed.

        """
        pandas = require_pandas()
        # An epoch that was trained twice, after a resume, counts as the last one.
        columns = {
            name: pandas.Series(dict(zip(each.epochs, each.values, strict=True)), dtype="float64")
            for name, each in list(self._epochs.items())
        }
        frame = pandas.DataFrame(columns)
        frame.index.name = "epoch"
        return frame.sort_index()

    def __repr__(self) -> str:
        """Say in a line which run this is."""
        return f"<{type(self).__name__} {self.id} {self.name!r} {self.status}>"

    def _expect(self, metric: str) -> None:
        known = self.metrics
        if metric not in known:
            has = f"it has {', '.join(known)}" if known else "it has none yet"
            raise Refusal(f"run {self.id} has no metric {metric!r}: {has}")


def require_pandas() -> Any:
    """Import pandas, or say how to get it."""
    try:
        return importlib.import_module("pandas")
    except ImportError:
        raise Refusal("a table needs pandas, which is not installed: type %pip install pandas") from None
