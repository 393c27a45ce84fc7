"""A search as HTML without scripts, and as text: while it goes on, and as it stays in the notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.training.tuning.record import said, short
from nbkeras.widgets.picture import numerals, svg, wording
from nbkeras.widgets.picture.chart import COLOURS, Chart
from nbkeras.widgets.picture.curves import Curve
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.frame import HEIGHT, WIDTH
from nbkeras.widgets.picture.head import Head
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.picture.tables import Table
from nbkeras.widgets.text_line import epoch_name, metric_parts
from nbkeras.widgets.tuning.parallel import describe_parallel, draw_parallel, ranked, width_of

if TYPE_CHECKING:
    from nbkeras.training.tuning.record import Search, TrialRecord
    from nbkeras.widgets.picture.page import Bundle

LIMIT = 34_000
"""The most bytes that the trials of a search take in a notebook's file; its head takes a few more."""

LIVE_LIMIT = 12_000
"""The most bytes of the trials while the search goes on."""

_COLUMNS = 8
_LENGTH = 200
_FAILED = 5


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is shown: lines and axes of the picture, rows of the table, points a curve."""

    lines: int
    axes: int
    rows: int
    points: int


_DETAILS = (
    _Detail(lines=150, axes=12, rows=50, points=200),
    _Detail(lines=80, axes=12, rows=30, points=100),
    _Detail(lines=40, axes=10, rows=15, points=60),
    _Detail(lines=16, axes=6, rows=8, points=30),
    _Detail(lines=8, axes=4, rows=4, points=16),
    _Detail(lines=5, axes=3, rows=3, points=12),
)


def head_bundle(search: Search) -> Bundle:
    """Return how a search stands: what is under way, and what is the best so far."""
    head = _head(search)
    lines = _lines(search)
    html = render("search_head.html", head=head, lines=lines)
    return {"text/html": html, "text/plain": "\n".join([head.plain(), *(f"  {line}" for line in lines)])}


def trials_bundle(search: Search, *, limit: int = LIMIT) -> Bundle:
    """Return the trials of a search: pictures and a table, the best trials first.

    Args:
        search: the search.
        limit: the most bytes it may take.
    """
    return fit(limit, _DETAILS, lambda detail: _trials(search, detail))


def _head(search: Search) -> Head:
    ended = [trial for trial in search.trials if trial.status != "running"]
    if search.status == "running":
        at = len(search.trials)
        count = f"trial {at}" if search.total is None else f"trial {max(1, at)} of {search.total}"
    else:
        count = numerals.plural(len(ended), "trial")
    facts = [search.tuner_name, count, numerals.seconds(search.seconds)]
    if search.remaining is not None:
        facts.append(f"about {numerals.seconds(search.remaining)} left")
    return Head(
        name=wording.line(search.name, _LENGTH),
        status=search.status,
        reason=wording.line(search.run.reason, _LENGTH),
        facts=tuple(facts),
    )


def _lines(search: Search) -> list[str]:
    """Return what is said under the head row, the best trial first."""
    best = search.best
    goal = search.objective.describe()
    lines = [f"searching for {goal}"]
    if best is not None:
        epoch = "" if best.epoch is None else f" in epoch {best.epoch}"
        value = f"{search.objective.name} {numerals.value(best.value)}"
        tried = wording.line(said(best), _LENGTH)
        lines = [f"best: trial {best.number}, {value}{epoch}, {tried}  ({goal})"]
    if search.status == "running" and search.trials:
        now = search.trials[-1]
        if now.status == "running":
            lines.append(
                " · ".join(
                    filter(
                        None, [f"trial {now.number}: {wording.line(said(now), _LENGTH)}", _progress(search)]
                    )
                )
            )
        lines.append("■ ends the search and keeps the best; --resume goes on with it")
    lines += [wording.line(note, _LENGTH) for note in search.notes]
    failed = [trial for trial in search.trials if trial.status == "failed"]
    lines += [
        f"trial {trial.number} failed: {wording.line(trial.reason, _LENGTH)}" for trial in failed[:_FAILED]
    ]
    if len(failed) > _FAILED:
        lines.append(f"and {len(failed) - _FAILED} more failed")
    return lines


def _progress(search: Search) -> str:
    progress = search.progress
    if progress is None:
        return ""
    steps = f"{progress.step}/{progress.steps}" if progress.steps else ""
    return " ".join(filter(None, [epoch_name(max(1, progress.epoch), progress.epochs), steps]))


def _trials(search: Search, detail: _Detail) -> Bundle:
    table = _table(search, detail.rows)
    charts: list[dict[str, Any]] = []
    if ranked(search):
        charts = [
            {
                "src": svg.address(draw_parallel(search, lines=detail.lines, axes=detail.axes)),
                "alt": describe_parallel(search),
                "width": width_of(search),
            }
        ]
        chart = _course(search)
        picture = svg.address(draw(chart, points=detail.points))
        charts.append({"src": picture, "alt": chart.describe(), "width": WIDTH})
    html = render("search.html", charts=charts, table=table, height=HEIGHT)
    more = [f"and {table.left_out} more trials"] if table.left_out else []
    return {"text/html": html, "text/plain": "\n".join([*table.plain(), *more])}


def _course(search: Search) -> Chart:
    """Return the chart of the objective by trial, with the best so far."""
    valued = [trial for trial in search.trials if trial.value is not None]
    points = sorted((float(trial.number), float(trial.value or 0.0)) for trial in valued)
    best: list[tuple[float, float]] = []
    for number, value in points:
        is_better = not best or search.objective.better(value, best[-1][1])
        best.append((number, value if is_better else best[-1][1]))
    curves = (
        Curve("best so far", "best", COLOURS[1], dashed=False, points=best),
        Curve("each trial", "trial", COLOURS[0], dashed=True, points=points),
    )
    return Chart(search.objective.name, "trial", curves)


def _table(search: Search, rows: int) -> Table:
    order = ranked(search)
    order += [trial for trial in search.trials if trial.value is None and trial.status != "running"]
    names = search.parameters[:_COLUMNS]
    shown = [_row(trial, names) for trial in order[:rows]]
    header = ("trial", "status", search.objective.name, "epoch", *names, "time")
    marked = frozenset((0, column) for column in range(len(header))) if ranked(search) else frozenset()
    return Table(
        tuple(wording.metric(name) for name in header), tuple(shown), len(order) - len(shown), marked, words=2
    )


def _row(trial: TrialRecord, names: list[str]) -> tuple[str, ...]:
    values = (short(trial.searched[name]) if name in trial.searched else numerals.MISSING for name in names)
    return (
        str(trial.number),
        trial.status,
        numerals.value(trial.value),
        numerals.MISSING if trial.epoch is None else str(trial.epoch),
        *(wording.line(value, 24) for value in values),
        numerals.seconds(trial.seconds),
    )


def trial_line(search: Search, trial: TrialRecord) -> str:
    """Return a trial that has ended as one line of text."""
    count = f"trial {trial.number}" if search.total is None else f"trial {trial.number}/{search.total}"
    what = metric_parts({search.objective.name: trial.value})[0] if trial.value is not None else trial.status
    parts = [count, what, said(trial), numerals.seconds(trial.seconds)]
    best = search.best
    if best is not None and best is not trial:
        parts.append(f"best {numerals.value(best.value)} (trial {best.number})")
    if trial.status == "failed":
        parts.append(wording.line(trial.reason, _LENGTH))
    if search.remaining is not None:
        parts.append(f"about {numerals.seconds(search.remaining)} left")
    return "  ".join(parts)
