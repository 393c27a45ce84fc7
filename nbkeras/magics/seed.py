"""``%seed``: seed everything, see what is seeded and what else decides."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.reproducibility.seeding import checked_seed
from nbkeras.runtime.refusal import Refusal

SEED = Grammar(
    magic="%seed",
    summary="Seed Python, NumPy, Keras and TensorFlow; without a number, show what is seeded.",
    details="""
        Seeding alone makes every epoch the same: Keras 3 gives NumPy arrays one order, and random numbers
        in a dataset's map begin again. After %seed, each fit under %%fit or %nbkeras on has an order and
        numbers for each epoch, the same ones in each run, and says so.
        PYTHONHASHSEED counts as Python starts: --hash-seed writes it into the description of this kernel, for
        the next start. For a cell that gives the same when it is run again: %%fit --seed N. In Python:
        nbkeras.seed(7, deterministic=True)
        """,
    examples="""
        %seed 7
        %seed 7 --deterministic
        %seed
        %seed --hash-seed 0
        """,
    options=(
        Option("N", "The seed, from 0 to 4294967295.", parse=lambda text: checked_seed(text, option="N")),
        Option("--deterministic", "Operations that give the same bits each time, until the kernel restarts."),
        Option(
            "--hash-seed",
            "Start this kernel with PYTHONHASHSEED=N from its next start on.",
            "N",
            lambda text: checked_seed(text, option="--hash-seed"),
        ),
        Option("--kernel", "The kernel for --hash-seed; by default the one of this Python.", "NAME"),
    ),
)


@magics_class
class SeedMagics(NotebookMagics):
    """The magic ``%seed``."""

    @line_magic
    def seed(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = SEED.parse(line)
        number, hash_seed = values["n"], values["hash_seed"]
        if values["deterministic"] and number is None:
            raise UsageError("%seed: --deterministic goes with a seed: type  %seed 7 --deterministic")
        if values["kernel"] is not None and hash_seed is None:
            raise UsageError("%seed: --kernel goes with --hash-seed: type  %seed --hash-seed 0 --kernel NAME")
        if hash_seed is not None:
            print(_set_hash_seed(hash_seed, values["kernel"]))  # noqa: T201 - the answer
        if number is not None:
            from nbkeras.reproducibility import seeding

            seeding.seed(number, deterministic=bool(values["deterministic"]))
        if number is not None or hash_seed is None:
            print("\n".join(_state()))  # noqa: T201 - the answer


def _set_hash_seed(value: int, kernel: str | None) -> str:
    from nbkeras.reproducibility.hash_seed import set_hash_seed

    try:
        path = set_hash_seed(value, kernel)
    except Refusal as refusal:
        raise UsageError(f"%seed --hash-seed: {refusal}") from None
    return (
        f"PYTHONHASHSEED={value} stands in {path}, for every notebook with this kernel: restart the kernel "
        'for it; to take it back, remove it from "env" there'
    )


def _state() -> list[str]:
    from nbkeras.reproducibility.deciders import deciders, seeded_line

    return [seeded_line(), "what else decides:", *(f"  {line}" for line in deciders())]


SeedMagics.seed.__doc__ = SEED.help()
