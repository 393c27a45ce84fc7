"""Runs side by side: their curves in one chart a metric, and in what they differ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from string import ascii_uppercase
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal
from nbkeras.widgets.picture import numerals, svg, wording
from nbkeras.widgets.picture.chart import COLOURS, Chart
from nbkeras.widgets.picture.curves import Curve
from nbkeras.widgets.picture.differences import differences
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.frame import HEIGHT, WIDTH
from nbkeras.widgets.picture.groups import by_step, groups_of, points_of
from nbkeras.widgets.picture.head import progress_of
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbkeras.runs.record import RunRecord
    from nbkeras.widgets.picture.groups import Group
    from nbkeras.widgets.picture.page import Bundle

LIMIT = 80_000
"""The most bytes that a comparison takes in a notebook's file."""

_TWO = 2
_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is shown: runs, charts, points a curve, rows of each table."""

    runs: int
    charts: int
    points: int
    rows: int


# No more runs than there are colours; the last way fits whatever the runs hold.
_DETAILS = (
    _Detail(runs=7, charts=12, points=160, rows=40),
    _Detail(runs=7, charts=10, points=80, rows=40),
    _Detail(runs=7, charts=8, points=40, rows=30),
    _Detail(runs=7, charts=4, points=24, rows=10),
)


def comparison_bundle(runs: Sequence[RunRecord]) -> Bundle:
    """Return two or more runs side by side, as HTML and as text.

    There is a chart for each metric, with a colour for each run and dashes for validation, and
    tables of what the runs came to and in what they differ. It takes at most 80,000 bytes of the
    notebook's file.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> runs = [Run("fit", "small", {"units": 8}), Run("fit", "large", {"units": 64})]
        >>> for run in runs:
        ...     run.record_epoch(1, {"loss": 0.5})
        >>> print(comparison_bundle(runs)["text/plain"].splitlines()[-1].split())
        ['units', '8', '64']

    Args:
        runs: the runs; the charts and tables show the first seven.

    Returns:
        ``{"text/html": …, "text/plain": …}``.

    Raises:
        Refusal: when there are less than two runs.
    """
    if len(runs) < _TWO:
        raise Refusal(f"expected two runs or more to compare, received {len(runs)}: type  %runs A B")
    return fit(LIMIT, _DETAILS, lambda detail: _bundle(runs, detail))


def _bundle(runs: Sequence[RunRecord], detail: _Detail) -> Bundle:
    shown = runs[: detail.runs]
    letters = ascii_uppercase[: len(shown)]
    names = [wording.line(run.name, _NAME_LENGTH) for run in shown]
    groups = [groups_of(run) for run in shown]
    charts = list(islice(_charts(shown, letters, groups), detail.charts))
    every = dict.fromkeys(group.name for each in groups for group in each)
    headers = [f"{letter} {wording.line(name, 16)}" for letter, name in zip(letters, names, strict=True)]
    results = _results(shown, headers, limit=detail.rows)
    differing = differences(shown, headers, limit=detail.rows)
    html = render(
        "compare.html",
        legend=list(zip(letters, names, cycle(COLOURS))),
        runs_left_out=len(runs) - len(shown),
        results=results,
        differing=differing,
        charts=[
            {"src": svg.address(draw(chart, points=detail.points)), "alt": chart.describe()}
            for chart in charts
        ],
        charts_left_out=len(every) - len(charts),
        width=WIDTH,
        height=HEIGHT,
    )
    lines = [f"{letter}: {name}" for letter, name in zip(letters, names, strict=True)]
    if len(runs) > len(shown):
        lines.append(f"and {len(runs) - len(shown)} more runs")
    lines += ["", *results.plain()]
    lines += ["", *differing.plain()] if differing.rows else ["", "no differences"]
    return {"text/html": html, "text/plain": "\n".join(lines)}


def _charts(
    runs: Sequence[RunRecord], letters: Sequence[str], groups: Sequence[Sequence[Group]]
) -> Iterator[Chart]:
    """A chart for each group of metrics, the runs' curves over one another."""
    for name in dict.fromkeys(group.name for each in groups for group in each):
        of_run = [next((group for group in each if group.name == name), None) for each in groups]
        steps = by_step([group for group in of_run if group is not None])
        curves: list[Curve] = []
        for run, letter, group, colour in zip(runs, letters, of_run, cycle(COLOURS)):
            measures = group.measures if group else ()
            for measure in measures:
                curve = Curve(
                    name=f"{letter} {'validation' if measure.validation else 'training'}",
                    # The run's letter stands once, beside its last curve.
                    label=letter if measure is measures[-1] else "",
                    colour=colour,
                    dashed=measure.validation,
                    points=points_of(run, measure, steps=steps),
                )
                curves.append(curve)
        yield Chart(name, "step" if steps else "epoch", tuple(curves))


def _results(runs: Sequence[RunRecord], headers: Sequence[str], *, limit: int) -> Table:
    """What the runs came to: status, length, and their best values, the best of all marked."""
    rows = [
        ("status", *(run.status for run in runs)),
        ("when", *(numerals.moment(run.created) for run in runs)),
        ("length", *(progress_of(run) for run in runs)),
        ("time", *(numerals.seconds(run.seconds) for run in runs)),
    ]
    marked = set()
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.metrics))
    for metric in metrics[:limit]:
        best = [run.best_of(metric) if metric in run.metrics else None for run in runs]
        values = [each.value if each else None for each in best]
        known = [value for value in values if value is not None]
        if not known:
            continue
        direction = next(run.direction(metric) for run in runs if metric in run.metrics)
        winner = min(known) if direction == "min" else max(known)
        marked |= {(len(rows), at) for at, value in enumerate(values, 1) if value == winner}
        rows.append((f"best {wording.metric(metric)}", *map(numerals.value, values)))
    return Table(("result", *headers), tuple(rows), max(0, len(metrics) - limit), frozenset(marked))
