"""Goes on with a run that was begun before, in this process or another one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from nbkeras.runs.log import place, reader
from nbkeras.runs.log.writer import flush
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.runs.record import RunRecord
    from nbkeras.runs.run import Run


def earlier(id: str, live: dict[str, Run]) -> RunRecord | None:
    """Find a run as it is known now, None when nobody knows it any more.

    Args:
        id: its id.
        live: the runs of this process.
    """
    held = live.get(id)
    path = place.current()
    if path is not None:
        # Its end, if it was in this process, is written before the new one begins.
        flush(path)
    if held is not None or path is None:
        return held
    with suppress(Refusal, OSError):
        return next((run for run in reader.load(path) if run.id == id), None)
    return None


def take_over(
    run: Run,
    before: RunRecord | None,
    *,
    steps: int,
    epochs: int,
    history: Mapping[str, Mapping[int, float]],
) -> None:
    """Give a run that has just begun what an earlier one of its id had, up to where it goes on.

    Args:
        run: the new one, which nobody observes yet.
        before: the earlier one, None when nobody knows it any more.
        steps: steps of the whole run that count; what came after them comes again.
        epochs: epochs that had come to their end.
        history: metric -> value by epoch, for what the earlier one lacks: a killed kernel may not have
            logged its last second.
    """
    by_step: dict[int, dict[str, float]] = {}
    by_epoch: dict[int, dict[str, float]] = {}
    if before is not None:
        run.created = before.created
        by_step, by_epoch = _values(before)
    for metric, values in history.items():
        for epoch, value in values.items():
            by_epoch.setdefault(epoch, {}).setdefault(metric, value)
    for step in sorted(by_step):
        if step <= steps:
            run.record_step(step, by_step[step])
    for epoch in sorted(by_epoch):
        if epoch <= epochs:
            run.record_epoch(epoch, by_epoch[epoch])
    if before is not None:
        run.add_events([event for event in before.events if event.step <= steps])
        run.directions = dict(before.directions)
        run.reopened = True


def _values(run: RunRecord) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, float]]]:
    """Return a run's values by step and by epoch."""
    by_step: dict[int, dict[str, float]] = {}
    by_epoch: dict[int, dict[str, float]] = {}
    for metric in run.metrics:
        with suppress(Refusal):
            series = run.steps(metric)
            for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                by_step.setdefault(step, {})[metric] = value
        for epoch, value in zip(run.epoch_numbers(metric), run.history.get(metric, []), strict=False):
            by_epoch.setdefault(epoch, {})[metric] = value
    return by_step, by_epoch
