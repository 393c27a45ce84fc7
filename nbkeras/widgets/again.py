"""Shows a run again: a live one goes on, an ended one can be looked into."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.runs.events import Fresh
from nbkeras.runs.run import Run
from nbkeras.runtime.frontend import in_kernel
from nbkeras.widgets.live import LiveMonitor, live_bundle
from nbkeras.widgets.static_html import static_bundle
from nbkeras.widgets.text import TextView
from nbkeras.widgets.tuning.again import show_search

if TYPE_CHECKING:
    from nbkeras.runs.record import RunRecord


_ELSEWHERE = (
    "another kernel is training this run: %monitor again shows how far it has come, "
    "the buttons are in its own notebook"
)


def show_again(run: RunRecord) -> None:
    """Show a run of this kernel or of the log, to be looked into; a search as ``%%tune`` shows it.

    One that another kernel is training is a picture: a view's buttons reach this kernel alone.
    """
    if run.kind == "search":
        show_search(run)
    elif isinstance(run, Run) and run.live:
        view = LiveMonitor(run) if in_kernel() else TextView()
        run.observe(view)
        view.on_tick(run, Fresh())
    elif run.live:
        print(_ELSEWHERE)  # noqa: T201 - the answer
        _show_picture(run)
    elif in_kernel():
        from IPython.display import display

        from nbkeras.widgets.monitor import MonitorWidget

        # The picture stands in the same output, for front ends and files without the widget.
        display({**live_bundle(run, MonitorWidget(run)), **static_bundle(run)}, raw=True)
    else:
        _show_picture(run)


def _show_picture(run: RunRecord) -> None:
    picture = static_bundle(run)
    if in_kernel():
        from IPython.display import display

        display(picture, raw=True)
    else:
        print(picture["text/plain"])  # noqa: T201 - the answer in a terminal
