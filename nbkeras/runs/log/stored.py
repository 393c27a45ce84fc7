"""A run as the log knows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from nbkeras.runs.events import Event
from nbkeras.runs.log.owner import Owner, is_alive
from nbkeras.runs.progress import Progress
from nbkeras.runs.record import EpochSeries, RunRecord
from nbkeras.runs.series import StepSeries, decimated
from nbkeras.runs.vocabulary import UNDER_WAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Source: TypeAlias = Callable[[Path, str, str], StepSeries]

ENDED_ALONE = "the kernel ended"


class StoredRun(RunRecord):
    """A run as the log knew it when it was read: of this process, or of any other.

    A run whose process ended without a word reads as interrupted, with the
    time of its last sign of life as its end.

    Args:
        path: The log's file.
        fields: The run's row.
        events: Step, text and time of what happened.
        history: metric -> values by epoch.
        source: Reads a series by step: (path, run, metric) -> series.

    """

    def __init__(
        self,
        path: Path,
        fields: dict[str, Any],
        events: list[tuple[int, str, float]],
        history: dict[str, StepSeries],
        source: Source,
    ) -> None:
        """Take over what was read."""
        self.id = fields["id"]
        self.name = fields["name"]
        self.kind = fields["kind"]
        self.status = fields["status"]
        self.reason = fields["reason"]
        self.parameters = json.loads(fields["parameters"])
        self.environment = json.loads(fields["environment"])
        self.notes = json.loads(fields["notes"])
        self.created = fields["created"]
        self.ended = fields["ended"]
        self.progress = Progress(**json.loads(fields["progress"]))
        self.events = [Event(*each) for each in events]
        self.directions = json.loads(fields["directions"])
        self._metrics: tuple[str, ...] = tuple(json.loads(fields["metrics"]))
        self._epochs = {}
        for name, points in history.items():
            each = self._epochs[name] = EpochSeries()
            for epoch, value in zip(points.steps.tolist(), points.values.tolist(), strict=True):
                each.append(epoch, value)
        self._path = path
        self._source = source
        owner = Owner(fields["host"], fields["pid"], fields["started"])
        if self.status in UNDER_WAY and not is_alive(owner, fields["heartbeat"]):
            self.status = "interrupted"
            self.reason = ENDED_ALONE
            self.ended = fields["heartbeat"]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics, in order of appearance."""
        return self._metrics

    def steps(self, metric: str) -> StepSeries:
        """Read a metric's whole series by step from the log."""
        self._expect(metric)
        return self._source(self._path, self.id, metric)

    def series(self, metric: str) -> StepSeries:
        """Read a metric's series by step in at most 2,000 points, for a view."""
        whole = self.steps(metric)
        return decimated(whole.steps, whole.values)
