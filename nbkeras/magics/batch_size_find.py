"""``%batch_size_find``: which batch sizes fit into memory, and how fast each is."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.magics.held import Held
from nbkeras.magics.lr_find import whole
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.memory import parse_bytes
from nbkeras.runtime.refusal import Refusal

BATCH_SIZE_FIND = Grammar(
    magic="%batch_size_find",
    summary="Find the batch sizes that fit into memory, and from which on larger ones stop paying.",
    details="""
        A process of its own makes the model again and trains it for some steps with 8, 16, 32, … samples; it
        is ended when it takes too much memory or time, and this notebook goes on. The model, its data and all
        random numbers stay as they are. Classes and functions of the notebook itself can't be made there:
        %%writefile puts them into a file to import.
        In Python: nbkeras.batch_size_find(model, x, y)
        """,
    examples="""
        %batch_size_find model x y
        %batch_size_find model dataset --max-time 2m
        %batch_size_find model x y --smallest 64 --largest 4096 --max-memory 4GB
        """,
    options=(
        Option("MODEL", "The variable that holds the compiled model.", complete="model"),
        Option("DATA", "Its inputs and targets, or a dataset.", complete="variable", many=True),
        Option(
            "--sample-weight", "The variable that holds weights of the samples.", "NAME", complete="variable"
        ),
        Option("--smallest", "The first size; 8 by default.", "N", whole),
        Option("--largest", "No larger size is tried; by default the number of samples.", "N", whole),
        Option(
            "--max-memory",
            "The most main memory of that process, such as 4GB; by default 80 % of what is free.",
            "SIZE",
            lambda text: parse_bytes(text, option="--max-memory"),
        ),
        Option(
            "--max-time",
            "Time after which the process ends; 60s by default.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
        ),
    ),
)
_OPTIONS = ("smallest", "largest", "max_memory", "max_time")


@magics_class
class BatchSizeFindMagics(NotebookMagics):
    """The magic ``%batch_size_find``."""

    @line_magic
    def batch_size_find(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = BATCH_SIZE_FIND.parse(line)
        try:
            held = Held.of(values, self.shell.user_ns, magic="%batch_size_find")
            options = {key: values[key] for key in _OPTIONS if values[key] is not None}
            from nbkeras.training.batch_sizes.finding import batch_size_find
            from nbkeras.widgets.finders.sizes_picture import sizes_bundle

            found = batch_size_find(*held.data, sample_weight=held.weights, **options)
            display(sizes_bundle(found), raw=True)
        except Refusal as refusal:
            text = str(refusal).removeprefix("batch_size_find: ")
            raise UsageError(f"%batch_size_find: {BATCH_SIZE_FIND.with_flags(text)}") from None


BatchSizeFindMagics.batch_size_find.__doc__ = BATCH_SIZE_FIND.help()
