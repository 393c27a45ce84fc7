"""``%%reproducible``: prove that a cell gives the same bits when it runs again, or say why it doesn't."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import cell_magic, magics_class
from IPython.display import display
from IPython.utils.capture import capture_output

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int

if TYPE_CHECKING:
    from nbkeras.magics.proven_cell import ProvenCell
    from nbkeras.reproducibility.proof.trace import Trace


_BACKUP = re.compile(r"%%fit\b.*\s--backup\b")


REPRODUCIBLE = Grammar(
    magic="%%reproducible",
    summary="Run a cell several times and compare what it does, bit for bit and step by step.",
    details="""
        The first run is that of the cell without the magic line, with a monitor. Then the cell runs again in
        this kernel, quietly, from the notebook as the first run has left it. Compared are the initial
        weights, every batch of data, the loss after each step, the weights after steps, the history, the
        weights at the end, and the variables that the cell leaves. What differs first is named with its
        most probable cause and what to type against it. Afterwards variables, models, lists and arrays are
        as after the first run; files that the cell writes are written again. ■ during a later run stops that
        run, and what it did until then is compared.

        --fresh-kernel runs the cell once more in a new process, after the cells that this notebook has
        executed before it, each once, in their order. %%fit options may stand in a %%fit line below this one.
        """,
    examples="""
        %%reproducible
        keras.utils.set_random_seed(1)
        model = build()
        history = model.fit(x, y, epochs=2)

        %%reproducible --runs 3 --fresh-kernel
        %%fit --seed 1
        model = build()
        history = model.fit(x, y, epochs=2)
        """,
    options=(
        Option(
            "--runs",
            "How often it runs in this kernel. Default: 2",
            "N",
            partial(positive_int, option="--runs"),
        ),
        Option("--fresh-kernel", "Run it in a new process as well, after the notebook's cells before it."),
    ),
)


@magics_class
class ReproducibleMagics(NotebookMagics):
    """The magic ``%%reproducible``."""

    @cell_magic
    def reproducible(self, line: str, cell: str) -> Any:
        """Replaced by the grammar's help below."""
        __tracebackhide__ = True
        values = REPRODUCIBLE.parse(line)
        count, fresh = values["runs"] or 2, bool(values["fresh_kernel"])
        if count + fresh <= 1:
            text = "%%reproducible: expected two runs or more, received --runs 1: add  --fresh-kernel"
            raise UsageError(text)
        if any(_BACKUP.match(each) for each in cell.splitlines()):
            text = (
                "expected a cell without --backup, received one: its second run would go on from the backups"
            )
            raise UsageError(f"%%reproducible: {text} of the first: take --backup away")
        from nbkeras.magics.proven_cell import ProvenCell
        from nbkeras.widgets.live import install

        install()
        proven = ProvenCell(self.shell, line, cell)
        try:
            trace, value = proven.first("run 1")
        except Refusal as refusal:
            raise UsageError(f"%%reproducible: {refusal}") from None
        shown = display({"text/plain": "…"}, raw=True, display_id=True)
        traces: list[Trace] = [trace]
        remarks: list[str] = []
        try:
            for number in range(2, count + 1):
                shown.update(_line(f"run {number} of {count}: the cell again, in this kernel"), raw=True)
                with capture_output():
                    traces.append(proven.again(f"run {number}"))
        finally:
            proven.put_back()
        if fresh:
            traces.append(self._fresh(line, cell, shown, remarks))
        shown.update(_shown(traces, proven, remarks), raw=True)
        return value

    def _fresh(self, line: str, cell: str, shown: Any, remarks: list[str]) -> Trace:
        from nbkeras.magics.fresh_process import earlier_cells, run_in_new_process

        cells = earlier_cells(self.shell)
        count = f"{len(cells)} cell{'s' * (len(cells) != 1)}"
        shown.update(_line(f"a new process: {count} of this notebook, then the cell"), raw=True)
        trace, failed = run_in_new_process(cells, line, cell)
        remarks.append(f"The new process ran the {count} that this notebook had executed before, each once.")
        remarks += failed
        return trace


def _line(text: str) -> dict[str, str]:
    from nbkeras.widgets.picture.page import render

    return {"text/plain": text, "text/html": render("line.html", line=text)}


def _shown(traces: list[Trace], proven: ProvenCell, remarks: list[str]) -> dict[str, str]:
    from nbkeras.reproducibility.proof.verdict import prove
    from nbkeras.widgets.divergence import divergence_bundle

    return divergence_bundle(prove(traces, proven.source, proven.held, remarks))


ReproducibleMagics.reproducible.__doc__ = REPRODUCIBLE.help()
