"""``%%fit``: train with a live monitor."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import cell_magic, magics_class

from nbkeras.devices.current import cells_go_to_cluster
from nbkeras.devices.policy import WORDS, checked_word
from nbkeras.devices.strategies import CLUSTER, KINDS, checked_kind_of_cell
from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.cells import identity_of_cell, run_cell_body
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.reproducibility.seeding import checked_seed
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.refusal import Refusal


def _whole(option: str) -> Any:
    def parse(text: str) -> int:
        from nbkeras.training.options import positive_int

        return positive_int(text, option=option)

    return parse


FIT = Grammar(
    magic="%%fit",
    summary="Run a cell and monitor every fit, evaluate and predict in it.",
    details="""
        The cell does what it would do without the magic line. A monitor shows each training live, with its
        bars, metrics and curves; Stop, Pause and the learning rate act within one batch. The first
        interrupt (the notebook's ■) ends the training and lets fit return with what it has, so that the
        rest of the cell runs; a second one raises KeyboardInterrupt. Each run is kept in the run log:
        %runs lists them, %monitor shows one again. A second fit of the cell writes files of its own:
        best-2.keras for --checkpoint best.keras. In Python: with nbkeras.fitting(epochs=5, …):
        """,
    examples="""
        %%fit
        history = model.fit(x, y, validation_split=0.2)

        %%fit --epochs 20 --early-stopping val_accuracy:3 --checkpoint best.keras
        history = model.fit(train, validation_data=validation)

        %%fit --max-time 10m --code
        model.fit(train, epochs=1000)
        """,
    options=(
        Option("--name", "Name of the runs; by default the model's name.", "NAME"),
        Option("--epochs", "Epochs, where the call does not say.", "N", _whole("--epochs")),
        Option(
            "--batch-size",
            "Samples in a batch, where the call does not say and the data are arrays.",
            "N",
            _whole("--batch-size"),
        ),
        Option(
            "--early-stopping",
            "Stop after so many epochs without an improvement and take the best weights back.",
            "[METRIC:]PATIENCE",
            complete="metric",
            config="early_stopping",
        ),
        Option("--no-restore-best", "Keep the last weights after early stopping."),
        Option(
            "--checkpoint",
            "Save the best model so far to this .keras file.",
            "PATH",
            complete="path",
            config="checkpoint",
        ),
        Option(
            "--tensorboard",
            "Write TensorBoard's logs, a directory for each run in this one.",
            "DIR",
            complete="directory",
            config="tensorboard",
        ),
        Option(
            "--csv", "Write the metrics of each epoch to this file.", "PATH", complete="path", config="csv"
        ),
        Option(
            "--max-time",
            "Stop after this time of training: 90s, 10m, 1h30m.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
            config="max_time",
        ),
        Option(
            "--seed",
            "Seed everything as the cell begins, deterministic operations: run again, it gives the same.",
            "N",
            lambda text: checked_seed(text, option="--seed"),
        ),
        Option(
            "--backup",
            "Back up to this directory; run the cell again, after whatever ended it, and it goes on exactly.",
            "DIR",
            complete="directory",
        ),
        Option("--every", "When to back up: epoch, a number of steps, or a time; 30s by default.", "WHEN"),
        Option("--restart", "Delete the backups and begin anew."),
        Option("--reuse", "Take a finished training as it ended, in place of the refusal; train nothing."),
        Option(
            "--strategy",
            "Make the cell's models under one device, mirrored ones, the connected tpu, or none; or run the "
            "cell on the workers of the cluster.",
            "WHAT",
            checked_kind_of_cell,
            complete=(*KINDS, CLUSTER),
        ),
        Option(
            "--mixed-precision",
            "Make the cell's models in 16 bits: on for the hardware's format, float16, bfloat16, off, or "
            "auto, which measures what is faster.",
            "WHAT",
            checked_word,
            complete=WORDS,
        ),
        Option(
            "--pad",
            "Give an uneven last batch whole to each replica of a strategy, and count it once, so that the "
            "training is that of one device.",
        ),
        Option("--quiet", "Record the runs and show nothing.", config="quiet"),
        Option("--code", "Print the plain Keras code that does the same, and train nothing."),
    ),
)

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
        values = FIT.parse(line, self.defaults.fit_defaults())
        if (values["strategy"] or (CLUSTER if cells_go_to_cluster() else None)) == CLUSTER:
            self.shell.magics_manager.registry["ClusterMagics"].run_cell("%%fit", values, cell)
            return None
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
