"""``%runs``: list, compare, export and delete runs."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

RUNS = Grammar(
    magic="%runs",
    summary="List the runs in the run log; with two or more of them, overlay their curves.",
    details="""
        The log is of the notebook's folder: the runs of all its notebooks are listed, %nbkeras status says
        where it is. A run is named by its name, its id or the beginning of one; --delete wants all of the
        name or the id.
        """,
    examples="""
        %runs
        %runs small large
        %runs --export runs.csv
        %runs --delete 20261123-165512-3f2a
        """,
    options=(
        Option("RUN", "Runs to compare (two or more), or to export or delete.", many=True, complete="run"),
        Option("--export", "Write the runs to this file, .csv or .json.", "PATH", complete="path"),
        Option("--delete", "Delete the named runs from the log."),
    ),
)


@magics_class
class RunsMagics(NotebookMagics):
    """The magic ``%runs``."""

    @line_magic
    def runs(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = RUNS.parse(line)
        try:
            self._answer(values["run"], values["export"], bool(values["delete"]))
        except Refusal as refusal:
            raise UsageError(f"%runs: {refusal}") from None

    def _answer(self, names: list[str], export: str | None, delete: bool) -> None:  # noqa: FBT001 - a switch of the magic
        from nbkeras import runs
        from nbkeras.widgets.compare import comparison_bundle
        from nbkeras.widgets.runs_table import runs_table_bundle

        if delete and not names:
            text = "expected the runs to delete, received none: type  %runs --delete NAME"
            raise Refusal(text)
        if export is not None:
            # First: what is deleted could not be written any more.
            runs.export(export, names or None)
            print(f"wrote {export}")  # noqa: T201 - the answer
        if delete:
            print("deleted " + ", ".join(runs.delete(names)))  # noqa: T201 - the answer
        if export is not None or delete:
            return
        chosen = [runs.get(name) for name in names]
        if len(chosen) == 1:
            text = f"expected two runs or more to compare, received one: type  %monitor {names[0]}  to see it"
            raise Refusal(text)
        if chosen:
            display(comparison_bundle(chosen), raw=True)
        else:
            known = runs.all()
            display(runs_table_bundle(known, known.notes), raw=True)


RunsMagics.runs.__doc__ = RUNS.help()
