"""A run's metrics in groups: a metric and its validation twin belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.runs import metrics as names
from nbkeras.widgets.picture.chart import COLOURS, Chart
from nbkeras.widgets.picture.curves import Curve
from nbkeras.widgets.picture.marks import marks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.runs.record import Best, RunRecord
    from nbkeras.widgets.picture.curves import Point


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of a run.

    Attributes:
        name: its name as Keras gives it, such as ``"val_loss"``.
        validation: whether it was measured on validation data.
        epochs: pairs of epoch and value.
        best: its best finite value and where it was reached, None when there is none.
    """

    name: str
    validation: bool
    epochs: list[Point]
    best: Best | None


@dataclass(frozen=True, slots=True)
class Group:
    """A metric's training and validation measures, of which one may be missing."""

    name: str
    measures: tuple[Measure, ...]

    def measure(self, *, validation: bool) -> Measure | None:
        """Return the one measure or the other, None when the run does not have it."""
        return next((each for each in self.measures if each.validation == validation), None)


def groups_of(run: RunRecord) -> list[Group]:
    """Return the run's metrics in groups, in the order in which they appeared.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "demo")
        >>> run.record_epoch(1, {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6})
        >>> [(group.name, len(group.measures)) for group in groups_of(run)]
        [('loss', 2), ('accuracy', 1)]
    """
    grouped: dict[str, list[str]] = {}
    for metric in run.metrics:
        grouped.setdefault(names.group(metric), []).append(metric)
    history = run.history
    groups = []
    for name, metrics in grouped.items():
        measures = [
            Measure(
                name=metric,
                validation=names.split(metric) == "validation",
                epochs=list(zip(run.epoch_numbers(metric), history.get(metric, []), strict=False)),
                best=run.best_of(metric),
            )
            for metric in metrics
        ]
        measures.sort(key=lambda measure: measure.validation)
        groups.append(Group(name, tuple(measures)))
    return groups


def by_step(groups: Sequence[Group]) -> bool:
    """Return whether groups are told step by step: one epoch alone makes no line."""
    return all(len(measure.epochs) <= 1 for group in groups for measure in group.measures)


def points_of(run: RunRecord, measure: Measure, *, steps: bool) -> list[Point]:
    """Return a measure's points by epoch, or by step.

    A measure without steps (validation, as a rule) has its value at the run's last step.
    """
    if not steps:
        return measure.epochs
    series = run.series(measure.name)
    if len(series):
        return list(zip(series.steps.tolist(), series.values.tolist(), strict=True))
    return [(float(max(1, run.progress.done)), value) for _, value in measure.epochs[-1:]]


def last_of(run: RunRecord, measure: Measure) -> float | None:
    """Return a measure's last value, of an epoch if there was one, else of a step."""
    points = measure.epochs or points_of(run, measure, steps=True)
    return points[-1][1] if points else None


def chart_of(run: RunRecord, group: Group, *, marks: int = 20) -> Chart:
    """Return the group's chart: training solid, validation dashed, and at most so many marks."""
    steps = by_step([group])
    curves = tuple(
        Curve(
            name="validation" if each.validation else "training",
            label="val" if each.validation else "train",
            colour=COLOURS[int(each.validation)],
            dashed=each.validation,
            points=points_of(run, each, steps=steps),
        )
        for each in group.measures
    )
    return Chart(group.name, "step" if steps else "epoch", curves, marks_of(run, steps=steps, limit=marks))
