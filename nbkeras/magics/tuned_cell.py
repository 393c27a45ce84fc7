"""A cell that ``%%tune`` runs again and again, and whose best run the notebook keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.utils.capture import capture_output

from nbkeras.magics.cells import prepared
from nbkeras.training.tuning.counting import refuse_several_fits
from nbkeras.training.tuning.marks import marked

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbkeras.training.tuning.record import Search
    from nbkeras.training.tuning.space import Choices, Range


class TunedCell:
    """The cell as what is tuned: each trial runs it in the notebook's namespace."""

    def __init__(
        self, shell: InteractiveShell, line: str, cell: str, space: tuple[Choices | Range, ...]
    ) -> None:
        """Prepare the cell; nothing of it runs yet.

        Raises:
            Refusal: when a variable to search is none of the cell's, or the cell has several fits.
            SyntaxError: when the cell is no Python.
        """
        code, self._given = marked(cell, space)
        refuse_several_fits(cell, shell.user_ns)
        self._shell = shell
        self._run = prepared(shell, "%%tune", line, cell, runs=code)
        self._before = dict(shell.user_ns)
        self._touched: set[str] = set()
        self._best: dict[str, Any] = {}
        self._output: Any = None
        self._best_output: Any = None
        self._is_over = False
        self.source = cell

    def run(self, hp: Any) -> None:
        """Run the cell with a trial's values; its output waits for `keep`."""
        __tracebackhide__ = True
        names = self._shell.user_ns
        start = dict(names)
        names["hp"] = hp
        names.update({each.name: each.ask(hp) for each in self._given})
        try:
            with capture_output(stderr=False) as self._output:
                self._run()
        finally:
            missing = object()
            self._touched |= {
                name for name in {*start, *names} if start.get(name, missing) is not names.get(name, missing)
            }
            if self._is_over:
                # KerasTuner builds a model again, long after: the notebook's variables stay.
                self._put_back(start)

    def keep(self) -> None:
        """Keep the cell's variables and its output, as they are now."""
        self._best = dict(self._shell.user_ns)
        self._best_output = self._output

    def undo(self) -> None:
        """Give the cell's variables the values that they had before."""
        self._put_back(self._before)

    def say(self) -> None:
        """Show what the cell said when it ran last: it belongs to its error."""
        if self._output is not None:
            self._output.show()

    def done(self) -> None:
        """Note that the search is over; what it did not keep is let go."""
        self._is_over = True
        self._output = None
        self._before = {}

    def settle(self, search: Search) -> None:
        """Make the notebook's variables those of the best trial, and show what it said."""
        if search.best is not None:
            self._put_back(self._best)
            self._shell.user_ns["hp"] = search.hp
            if self._best_output is not None:
                self._best_output.show()
        self._shell.user_ns["tuner"] = search.tuner
        self._best, self._best_output = {}, None

    def _put_back(self, values: dict[str, Any]) -> None:
        names = self._shell.user_ns
        for name in self._touched:
            if name in values:
                names[name] = values[name]
            else:
                names.pop(name, None)
