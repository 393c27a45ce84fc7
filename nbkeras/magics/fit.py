"""``%%fit``: train with a live monitor."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import cell_magic, magics_class

from nbkeras.devices.current import cells_go_to_cluster
from nbkeras.devices.strategies import CLUSTER
from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.cells import identity_of_cell, run_cell_body
from nbkeras.magics.cluster_grammar import FIT_ON_CLUSTER
from nbkeras.magics.fit_grammar import FIT
from nbkeras.runtime.refusal import Refusal

NOTHING_TRAINED = (
    "%%fit: expected a cell that calls fit, evaluate or predict of a Keras model, received one that calls "
    "none: put %%fit above the cell that trains, or nbkeras.track around a loop of your own"
)


@magics_class
class FitMagics(NotebookMagics):
    """The magic ``%%fit``."""

    @cell_magic
    def fit(self, line: str, cell: str) -> Any:
        """Replaced by the grammar's help below."""
        __tracebackhide__ = True
        may_go = cells_go_to_cluster() or CLUSTER in line
        values = (FIT_ON_CLUSTER if may_go else FIT).parse(line, self.defaults.fit_defaults())
        if (values["strategy"] or (CLUSTER if cells_go_to_cluster() else None)) == CLUSTER:
            self.shell.magics_manager.registry["ClusterMagics"].run_cell("%%fit", values, cell)
            return None
        for option in ("retries", "slurm"):
            if values.pop(option, None) is not None:
                text = f"expected a cell that goes to the cluster, received --strategy {values['strategy']}"
                raise UsageError(f"%%fit: --{option}: {text}: leave it out")
        show_code = values.pop("code")
        values["restore_best"] = not values.pop("no_restore_best")
        values["quiet"], values["pad"] = bool(values["quiet"]), bool(values["pad"])
        values["restart"], values["reuse"] = bool(values["restart"]), bool(values["reuse"])
        from nbkeras.runs import registry
        from nbkeras.training.fitting import fitting
        from nbkeras.training.precision.in_cell import known_as
        from nbkeras.training.seeded_cells import seeded_cell
        from nbkeras.widgets.live import install

        install()

        before = registry.live_runs()[-1:]
        try:
            identity = identity_of_cell(self.shell, line + cell)
            if show_code:
                with known_as(identity):
                    print(self._plain_code(cell, values))  # noqa: T201 - the code is the output
                return None
            is_seeded = values["seed"] is not None
            known = identity if is_seeded else None
            read, said = self._of_earlier_cells(cell, values["seed"]) if is_seeded else ({}, [])
            with (
                known_as(identity),
                seeded_cell(known, read, said) as seeded,
                fitting(**values) as session,
            ):
                session.cell = seeded
                result = run_cell_body(self.shell, "%%fit", line, cell)
        except Refusal as refusal:
            # Our own line is enough: no traceback for a mistake of the user's.
            raise UsageError(f"%%fit: {FIT.with_flags(str(refusal))}") from None
        if registry.live_runs()[-1:] == before:
            print(NOTHING_TRAINED)  # noqa: T201 - said once, under the cell
        return result

    def _of_earlier_cells(self, cell: str, seed: int) -> tuple[dict[str, Any], list[str]]:
        """Return what a cell reads of earlier cells, and what is to be said of what no seed reaches."""
        from nbkeras.reproducibility.proof.names import reached
        from nbkeras.reproducibility.proof.source import Source
        from nbkeras.reproducibility.unreached import unreached

        variables = self.shell.user_ns
        source = Source(self.shell.transform_cell(cell), variables, first_line=2)
        read = reached(source.free, variables)
        source.read_functions(read)
        return {name: variables[name] for name in sorted(read)}, list(unreached(source, seed))

    def _plain_code(self, cell: str, values: dict[str, Any]) -> str:
        from nbkeras.training.options import fit_options
        from nbkeras.training.plain_code import plain_code

        try:
            return plain_code(cell, fit_options(**values), self.shell.user_ns)
        except SyntaxError as error:
            text = f"%%fit --code: expected plain Python, received {error.msg} in line {error.lineno}"
            raise UsageError(text) from None


FitMagics.fit.__doc__ = FIT.help()
