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


def show_again(run: RunRecord) -> None:
    """Show a run of this kernel or of the log, to be looked into; a search as ``%%tune`` shows it."""
    if run.kind == "search":
        show_search(run)
    elif isinstance(run, Run) and run.live:
        view = LiveMonitor(run) if in_kernel() else TextView()
        run.observe(view)
        view.on_tick(run, Fresh())
    elif in_kernel():
        from IPython.display import display

        from nbkeras.widgets.monitor import MonitorWidget

        # The picture stands in the same output, for front ends and files without the widget.
        display({**live_bundle(run, MonitorWidget(run)), **static_bundle(run)}, raw=True)
    else:
        print(static_bundle(run)["text/plain"])  # noqa: T201 - the answer in a terminal
