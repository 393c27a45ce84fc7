"""A run in one line, for places that have room for no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.runs.metrics import split
from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.picture.head import head_of, progress_of

if TYPE_CHECKING:
    from nbkeras.runs.record import RunRecord
    from nbkeras.widgets.picture.page import Bundle


def run_line(run: RunRecord) -> str:
    """Return a run as one line of text.

    It names the best value of the first validation metric, or of the first metric.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "digits")
        >>> run.record_epoch(1, {"loss": 0.5, "val_loss": 0.6})
        >>> run.finish("finished")
        >>> run_line(run)  # doctest: +ELLIPSIS
        'digits: finished, 1 epoch in 0.00s, best val_loss 0.6000 (epoch 1)'

    Args:
        run: a live run, or one from the log.
    """
    head = head_of(run)
    status = f"{head.status} ({head.reason})" if head.reason else head.status
    parts = [status, f"{progress_of(run)} in {numerals.seconds(run.seconds)}"]
    order = sorted(run.metrics, key=lambda metric: split(metric) == "train")
    best = next(((metric, best) for metric in order if (best := run.best_of(metric))), None)
    if best is not None:
        metric, place = best
        name = wording.metric(metric)
        at = f"{place.axis} {numerals.count(place.at)}"
        parts.append(f"best {name} {numerals.value(place.value)} ({at})")
    return f"{head.name}: {', '.join(parts)}"


def run_line_bundle(run: RunRecord) -> Bundle:
    """Return a run as one line, as HTML and as text: what a view folds to.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> sorted(run_line_bundle(Run("fit", "digits")))
        ['text/html', 'text/plain']

    Args:
        run: a live run, or one from the log.
    """
    from nbkeras.widgets.picture.page import render

    line = run_line(run)
    return {"text/html": render("line.html", line=line), "text/plain": line}
