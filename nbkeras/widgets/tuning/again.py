"""Shows a search again: a live one goes on, an ended one stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.runs.run import Run
from nbkeras.training.tuning.recalled import recalled
from nbkeras.widgets.tuning.live import open_view

if TYPE_CHECKING:
    from nbkeras.runs.events import Fresh
    from nbkeras.runs.record import RunRecord
    from nbkeras.training.tuning.opening import SearchView


def show_search(run: RunRecord) -> None:
    """Show a search of this kernel or of the run log by its own run."""
    search = recalled(run)
    view = open_view(search)
    if isinstance(run, Run) and run.live:
        view.on_trial(search)
        run.observe(_Following(view))
    else:
        view.on_end(search)


class _Following:
    """Brings a view up to date whenever a trial of a live search has ended."""

    def __init__(self, view: SearchView) -> None:
        self._view = view

    def on_tick(self, run: Run, fresh: Fresh) -> None:  # noqa: ARG002 - observers take it
        self._view.on_trial(recalled(run))

    def on_end(self, run: Run) -> None:
        self._view.on_end(recalled(run))
