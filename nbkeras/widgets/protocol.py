"""The messages from a run to its views: version 1, described in docs/protocol.md.

A message is a small JSON content and three binary buffers: the progress, and the x and y of all series
that it brings, one after the other. `extension/src/protocol.ts` reads what this file writes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from nbkeras.runs import metrics as names
from nbkeras.runs.series import decimated

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbkeras.runs.events import Event, Fresh
    from nbkeras.runs.progress import Progress
    from nbkeras.runs.record import RunRecord

VERSION = 1
BY_STEP, BY_EPOCH = 0, 1
# Points in all series of a keyframe together, 12 bytes each: a full one stays under 100 KB, the one that
# a notebook keeps of a run that is shown again under 40 KB (in base64), and a sketch of few metrics 2 KB.
FULL_POINTS = 7500
KEPT_POINTS = 2000
SKETCH_POINTS = 100
# Of one series in one tick: many short epochs end between two of them, and the sketches show the rest.
TICK_POINTS = 32
_PHASES = {"train": 0.0, "validate": 1.0, "predict": 2.0}


class MetricContent(TypedDict):
    """One metric, as a view knows it."""

    name: str
    group: str
    split: str
    best: str


class RunContent(TypedDict):
    """What a keyframe says of a run besides its numbers."""

    id: str
    name: str
    kind: str
    status: str
    reason: str
    started: float
    notes: list[str]
    metrics: list[MetricContent]
    controls: dict[str, Any]
    events: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Message:
    """A content for JSON, and its buffers: progress, x, y."""

    content: dict[str, Any]
    buffers: list[bytes]

    @property
    def points(self) -> int:
        """How many points it carries."""
        return sum(entry[2] for entry in self.content["series"])

    @property
    def size(self) -> int:
        """How many bytes it has, as Jupyter writes them."""
        return len(json.dumps(self.content)) + sum(map(len, self.buffers))


@dataclass(frozen=True, slots=True)
class Controls:
    """What a view may offer, and what it says where it can't."""

    pause: bool = False
    learning_rate: bool = False
    hint: str = ""


def keyframe(run: RunRecord, seq: int, controls: Controls, *, points: int = FULL_POINTS) -> Message:
    """Return the whole picture of a run.

    Args:
        run: a live or a stored run.
        seq: number of the last message that was sent for it.
        controls: what the view may offer.
        points: the most points in all series. A sketch that leaves out none says that it is full.
    """
    series = [(i, axis, x, y) for i, name in enumerate(run.metrics) for axis, x, y in _curves(run, name)]
    whole = sum(len(x) for _, _, x, _ in series)
    each = max(4, points // max(1, len(series)))
    if whole > points:
        series = [(i, axis, *_thin(x, y, each)) for i, axis, x, y in series]
    about: RunContent = {
        "id": run.id,
        "name": run.name,
        "kind": run.kind,
        "status": run.status,
        "reason": run.reason,
        "started": run.created,
        "notes": list(run.notes),
        "metrics": [_metric(run, name) for name in run.metrics],
        "controls": {"pause": controls.pause, "learning_rate": controls.learning_rate, "hint": controls.hint},
        "events": _events(run.events[-20:]),
    }
    content = {
        "type": "keyframe",
        "v": VERSION,
        "seq": seq,
        "full": points > SKETCH_POINTS or whole <= points,
        "run": about,
        "series": [[i, axis, len(x)] for i, axis, x, _ in series],
    }
    xs = np.concatenate([x for _, _, x, _ in series]) if series else np.empty(0)
    ys = np.concatenate([y for _, _, _, y in series]) if series else np.empty(0)
    return Message(content, [_progress(run.progress), _float64(xs), _float32(ys)])


def tick(run: RunRecord, fresh: Fresh, seq: int, *, status: bool) -> Message:
    """Return what came since the last tick, thinned where it is much.

    Args:
        run: the run, for its progress and the order of its metrics.
        fresh: what came.
        seq: number of this message.
        status: whether to say the status, because it changed.
    """
    index = {name: i for i, name in enumerate(run.metrics)}
    came: dict[tuple[int, int], tuple[list[float], list[float]]] = {}
    for axis, rows in ((BY_STEP, fresh.steps), (BY_EPOCH, fresh.epochs)):
        for at, values in rows:
            for name, value in values.items():
                x, y = came.setdefault((index[name], axis), ([], []))
                x.append(at)
                y.append(value)
    columns = {key: _thin(np.asarray(x), np.asarray(y), TICK_POINTS) for key, (x, y) in came.items()}
    content: dict[str, Any] = {
        "type": "tick",
        "seq": seq,
        "series": [[i, axis, len(x)] for (i, axis), (x, _) in columns.items()],
    }
    if status:
        content["status"] = run.status
    if fresh.events:
        content["events"] = _events(fresh.events)
    xs = [value for x, _ in columns.values() for value in x]
    ys = [value for _, y in columns.values() for value in y]
    return Message(content, [_progress(run.progress), _float64(xs), _float32(ys)])


def _curves(run: RunRecord, name: str) -> Iterable[tuple[int, Any, Any]]:
    points = run.series(name)
    if len(points):
        yield BY_STEP, points.steps, points.values
    epochs = run.epoch_numbers(name)
    if epochs:
        yield BY_EPOCH, np.asarray(epochs), np.asarray(run.history[name])


def _thin(x: Any, y: Any, limit: int) -> tuple[Any, Any]:
    points = decimated(x.astype(np.int64), y, limit)
    return points.steps, points.values


def _metric(run: RunRecord, name: str) -> MetricContent:
    best = run.direction(name) if names.ranked(name) else ""
    return {"name": name, "group": names.group(name), "split": names.split(name), "best": best}


def _events(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [{"step": event.step, "text": event.text} for event in events]


def _progress(progress: Progress) -> bytes:
    fields = (
        progress.epoch,
        progress.epochs,
        progress.step,
        progress.steps,
        progress.done,
        progress.elapsed,
        progress.remaining,
        progress.step_rate,
        progress.sample_rate,
        progress.learning_rate,
        progress.memory,
        progress.gpu_memory,
        _PHASES[progress.phase],
        progress.validation_step,
        progress.validation_steps,
    )
    return _float64([np.nan if value is None else value for value in fields])


def _float64(values: Any) -> bytes:
    return np.asarray(values, dtype="<f8").tobytes()


def _float32(values: Any) -> bytes:
    # Beyond float32's range a value turns into infinity, which a view shows as such.
    with np.errstate(over="ignore"):
        return np.asarray(values, dtype="<f4").tobytes()
