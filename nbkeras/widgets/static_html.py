"""The picture of a run that stays in a saved notebook: HTML without scripts, and text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import svg
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.frame import HEIGHT, WIDTH
from nbkeras.widgets.picture.groups import chart_of, groups_of
from nbkeras.widgets.picture.head import head_of
from nbkeras.widgets.picture.numerals import count
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.picture.tables import epoch_table, metric_table
from nbkeras.widgets.picture.wording import line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.runs.record import RunRecord
    from nbkeras.widgets.picture.page import Bundle

LIMIT = 40_000
"""The most bytes that a run's picture takes in a notebook's file."""


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is shown: points a curve, charts, metrics, epochs, notes and events, and letters of those."""

    points: int
    charts: int
    metrics: int
    epochs: int
    texts: int
    letters: int


# The first that fits is taken. The last one fits whatever the run holds: its counts and the
# lengths of texts bound it.
_DETAILS = (
    _Detail(points=240, charts=12, metrics=24, epochs=60, texts=20, letters=1000),
    _Detail(points=140, charts=12, metrics=24, epochs=60, texts=20, letters=1000),
    _Detail(points=90, charts=12, metrics=24, epochs=60, texts=10, letters=1000),
    _Detail(points=60, charts=10, metrics=20, epochs=40, texts=10, letters=600),
    _Detail(points=40, charts=8, metrics=16, epochs=20, texts=5, letters=240),
    _Detail(points=24, charts=4, metrics=8, epochs=10, texts=3, letters=240),
    _Detail(points=24, charts=3, metrics=6, epochs=10, texts=2, letters=240),
)


def static_bundle(run: RunRecord) -> Bundle:
    """Return a run as HTML and as text, for a notebook that is read without a kernel.

    The HTML has the run's status, notes, a chart for each group of metrics, and tables. It runs
    no script, and nothing of it is lost where a front end cleans the HTML of a notebook that is
    not trusted. It takes at most 40,000 bytes of the notebook's file, so long runs are thinned.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "digits")
        >>> run.record_epoch(1, {"loss": 0.5, "val_loss": 0.6})
        >>> run.finish("finished")
        >>> "val_loss" in static_bundle(run)["text/html"]
        True

    Args:
        run: a live run, or one from the log, whatever its status.

    Returns:
        ``{"text/html": …, "text/plain": …}``.
    """
    return fit(LIMIT, _DETAILS, lambda detail: _bundle(run, detail))


def _bundle(run: RunRecord, detail: _Detail) -> Bundle:
    groups = groups_of(run)
    head = head_of(run)
    remarks = [
        *_some(run.notes, detail, "notes"),
        *_some([_event(each.step, each.text) for each in run.events], detail, "events"),
    ]
    metrics = metric_table(run, groups, limit=detail.metrics)
    charts = [chart_of(run, group, marks=detail.texts) for group in groups[: detail.charts]]
    html = render(
        "run.html",
        head=head,
        remarks=remarks,
        metrics=metrics,
        epochs=epoch_table(groups, rows=detail.epochs, columns=detail.metrics),
        charts=[
            {"src": svg.address(draw(chart, points=detail.points)), "alt": chart.describe()}
            for chart in charts
        ],
        charts_left_out=len(groups) - len(charts),
        width=WIDTH,
        height=HEIGHT,
    )
    more = [f"and {count(metrics.left_out)} more metrics"] if metrics.left_out else []
    lines = [
        head.plain(),
        *(f"  {remark}" for remark in remarks),
        *(metrics.plain() if metrics.rows else ["no metrics"]),
        *more,
    ]
    return {"text/html": html, "text/plain": "\n".join(lines)}


def _event(step: int, text: str) -> str:
    return f"step {count(step)}: {text}"


def _some(texts: Sequence[str], detail: _Detail, noun: str) -> list[str]:
    """The first of the texts, each on one line, and how many more there are."""
    shown = [line(text, detail.letters) for text in texts[: detail.texts]]
    left_out = len(texts) - len(shown)
    return [*shown, f"and {count(left_out)} more {noun}"] if left_out else shown
