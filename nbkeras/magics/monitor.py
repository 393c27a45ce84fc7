"""``%monitor``: show a run again."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

MONITOR = Grammar(
    magic="%monitor",
    summary="Show a run again: a live one goes on, an ended one can be looked into.",
    details="""
        Runs come from this kernel and from the run log, so that a run of a dead kernel is there too. While a
        cell trains, this magic waits as every cell does: after the page was loaded again, the monitor below
        its cell goes on live by itself. A run that another kernel is training is a picture, and a search of
        %%tune is shown as %%tune shows it.
        """,
    examples="""
        %monitor
        %monitor digits
        %monitor 20261123-165512-3f2a
        """,
    options=(
        Option(
            "RUN",
            "The run's name, or its id or the beginning of one; by default this notebook's last run, or its "
            "search, and the log's where the notebook has none.",
            complete="run",
        ),
    ),
)


@magics_class
class MonitorMagics(NotebookMagics):
    """The magic ``%monitor``."""

    @line_magic
    def monitor(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        name = MONITOR.parse(line)["run"]
        from nbkeras import runs
        from nbkeras.training.tuning.recalled import search_of
        from nbkeras.widgets.again import show_again

        try:
            run = search_of(runs.latest()) if name is None else runs.get(name)
        except Refusal as refusal:
            raise UsageError(f"%monitor: {refusal}") from None
        show_again(run)


MonitorMagics.monitor.__doc__ = MONITOR.help()
