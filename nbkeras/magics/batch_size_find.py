"""``%batch_size_find``: which batch sizes fit into memory, and how fast each is."""

from __future__ import annotations

from functools import partial
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.magics.held import HELD, Held
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.memory import parse_bytes
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int

BATCH_SIZE_FIND = Grammar(
    magic="%batch_size_find",
    summary="Find the batch sizes that fit into memory, and from which on larger ones stop paying.",
    details="""
        A process of its own makes the model again and trains it for some steps with 8, 16, 32, … samples; it
        is ended when it takes too much memory or time, and this notebook goes on. Between the largest size
        that fits and the first that does not, others are tried, until the two are less than a sixteenth
        apart. The model, its data and all random numbers stay as they are. Classes and functions of the
        notebook itself can't be made there: %%writefile puts them into a file to import.
        In Python: nbkeras.batch_size_find(model, x, y)
        """,
    examples="""
        %batch_size_find model x y
        %batch_size_find model dataset --max-time 2m
        %batch_size_find model x y --smallest 64 --largest 4096 --max-memory 4GB
        %batch_size_find model x y --code
        """,
    options=(
        *HELD,
        Option(
            "--smallest",
            "The first size, 8 by default; smaller ones if it does not fit.",
            "N",
            partial(positive_int, option="--smallest"),
        ),
        Option(
            "--largest",
            "No larger size is tried; by default the number of samples.",
            "N",
            partial(positive_int, option="--largest"),
        ),
        Option(
            "--max-memory",
            "The most main memory of that process, such as 4GB; by default 80 % of what is free.",
            "SIZE",
            lambda text: parse_bytes(text, option="--max-memory"),
        ),
        Option(
            "--max-time",
            "Time after which the search ends; 60s by default.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
        ),
        Option("--code", "Print the plain Keras code of such a search, and run nothing."),
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
            if values["code"]:
                print(_code(held, options), end="")  # noqa: T201 - the code is the output
                return
            from nbkeras.training.batch_sizes.finding import batch_size_find
            from nbkeras.widgets.finders.sizes_picture import sizes_bundle

            found = batch_size_find(*held.data, sample_weight=held.weights, **options)
            display(sizes_bundle(found), raw=True)
        except Refusal as refusal:
            text = str(refusal).removeprefix("batch_size_find: ")
            raise UsageError(f"%batch_size_find: {BATCH_SIZE_FIND.with_flags(text)}") from None


def _code(held: Held, options: dict[str, Any]) -> str:
    from nbkeras.callbacks.backup.sources import is_arrays, is_dataset
    from nbkeras.runtime.keras_lines import active_line, line_of
    from nbkeras.training.batch_sizes import finding
    from nbkeras.training.batch_sizes.plain import plain_code, samples_code

    model, x, _ = held.data
    kind = "dataset" if is_dataset(x) else "sequence"
    if is_arrays(x):
        plain = all(each is None or hasattr(each, "shape") for each in (*held.data[1:], held.weights))
        kind = "arrays" if plain else "structures"
    smallest, largest = finding.span(x, options.get("smallest", finding.SMALLEST), options.get("largest"))
    return plain_code(
        held.names[0],
        samples_code((*held.names[1:], held.weights_name), kind),
        keras=line_of(model) or active_line(),
        smallest=smallest,
        largest=max(smallest, largest),
        memory=finding.memory_limit(options.get("max_memory"))[0],
        seconds=options.get("max_time", parse_duration(finding.TIME, option="max_time")),
    )


BatchSizeFindMagics.batch_size_find.__doc__ = BATCH_SIZE_FIND.help()
