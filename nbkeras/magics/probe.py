"""``%probe`` and ``%%probe``: gradients by layer, once or before and after a cell."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import line_cell_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.cells import run_cell_body
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.keras_lines import is_compiled, is_model
from nbkeras.runtime.refusal import Refusal

_SALIENT = 8

PROBE = Grammar(
    magic="%probe",
    summary="Show the gradient of a model's loss by each layer, for one batch.",
    details="""
        It is computed in training, on the first 32 samples or a Dataset's first batch, and changes nothing:
        no weight, statistic, metric or random number. %%probe above a cell that trains shows it before and
        after. In Python: nbkeras.probe(model, x, y) and nbkeras.saliency(model, x)
        """,
    examples="""
        %probe model x y
        %probe model train_dataset
        %probe model x y --saliency
        """,
    options=(
        Option("MODEL", "The variable that holds the model.", complete="model"),
        Option("DATA", "The variables that hold inputs and targets.", complete="variable", many=True),
        Option("--saliency", "For images: show how much each pixel moves the score of the class."),
    ),
)


@magics_class
class ProbeMagics(NotebookMagics):
    """The magics ``%probe`` and ``%%probe``."""

    @line_cell_magic
    def probe(self, line: str, cell: str | None = None) -> Any:
        """Replaced by the grammar's help below."""
        values = PROBE.parse(line)
        name, names = values["model"], values["data"]
        if name is None or not 1 <= len(names) <= 3:  # noqa: PLR2004 - inputs, targets, weights
            given = f"{name} {' '.join(names)}".strip() if name else "nothing"
            raise UsageError(
                f"%probe: expected a model and its data, received {given}: type  %probe model x y"
            )
        try:
            if cell is None:
                self._show(name, names, None, saliency=bool(values["saliency"]))
                return None
            held = self.shell.user_ns.get(name)
            before = None
            # The cell may make the model first.
            if is_model(held) and held.built and is_compiled(held) and {*names} <= {*self.shell.user_ns}:
                before = self._probe(name, names)
            result = run_cell_body(self.shell, "%%probe", line, cell)
            self._show(name, names, before, saliency=bool(values["saliency"]))
        except Refusal as refusal:
            raise UsageError(f"%probe: {str(refusal).removeprefix('probe: ')}") from None
        return result

    def _probe(self, name: str, names: list[str]) -> Any:
        from nbkeras.models.probing.gradients import probe

        return probe(self._held(name), *(self._held(each) for each in names))

    def _show(self, name: str, names: list[str], before: Any, *, saliency: bool) -> None:
        from nbkeras.models.probing.saliency import saliency as saliency_of
        from nbkeras.widgets.probe import has_images, probe_bundle

        x, maps = self._held(names[0]), None
        if saliency:
            if not has_images(x):
                raise Refusal(f"--saliency: expected images, received {names[0]!r}: leave it out")
            maps = (x[:_SALIENT], saliency_of(self._held(name), x[:_SALIENT]))
        display(probe_bundle(self._probe(name, names), before, maps), raw=True)

    def _held(self, name: str) -> Any:
        if name not in self.shell.user_ns:
            raise Refusal(f"expected a variable of the notebook, received {name!r}: %who shows them")
        return self.shell.user_ns[name]


ProbeMagics.probe.__doc__ = PROBE.help()
