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
    summary="List the runs of this notebook; with two or more of them, overlay their curves.",
    details="A run is named by its name, or by its id or the beginning of one.",
    examples="""
        %runs
        %runs small large
        %runs --export runs.csv
        %runs --delete 20261123-1655
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

        chosen = [runs.get(name) for name in names]
        if delete and not chosen:
            text = "expected the runs to delete, received none: type  %runs --delete NAME"
            raise Refusal(text)
        if delete:
            print("deleted " + ", ".join(runs.delete(names)))  # noqa: T201 - the answer
        elif export is not None:
            runs.export(export, names or None)
            print(f"wrote {export}")  # noqa: T201 - the answer
        elif len(chosen) == 1:
            text = f"expected two runs or more to compare, received one: type  %monitor {names[0]}  to see it"
            raise Refusal(text)
        elif chosen:
            display(comparison_bundle(chosen), raw=True)
        else:
            display(runs_table_bundle(runs.all()), raw=True)


RunsMagics.runs.__doc__ = RUNS.help()
