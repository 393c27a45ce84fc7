"""``%lr_find``: a learning rate from a short test with rising rates."""

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
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int


def number(text: str, *, example: str = "--start 1e-6") -> float:
    """Read a rate, or another number."""
    try:
        return float(text)
    except ValueError:
        received = f"expected a number such as {example.partition(' ')[2]}, received {text!r}"
        raise Refusal(f"{received}: type  {example}") from None


LR_FIND = Grammar(
    magic="%lr_find",
    summary="Find a learning rate: train for some batches while it rises, and look how the loss goes.",
    details="""
        It shows the loss by rate, and suggests rates: valley, the middle of the longest fall; steepest; and a
        tenth of the rate with the lowest loss. A button gives the model one of them. The model, its optimizer
        and metrics, all random numbers and the order of the data are as before, bit for bit. It stops when
        the loss diverges and when the time is over; an interrupt keeps what it has.
        In Python: nbkeras.lr_find(model, x, y)
        """,
    examples="""
        %lr_find model x y
        %lr_find model dataset --max-time 1m
        %lr_find model x y --batch-size 128 --start 1e-5 --end 1
        %lr_find model x y --code
        """,
    options=(
        *HELD,
        Option(
            "--batch-size",
            "Samples in a batch of arrays; 32 by default.",
            "N",
            partial(positive_int, option="--batch-size"),
        ),
        Option("--start", "The first rate; 1e-7 by default.", "RATE", number),
        Option("--end", "The last rate; 10 by default.", "RATE", number),
        Option(
            "--steps",
            "How many rates, of one batch each; 100 by default.",
            "N",
            partial(positive_int, option="--steps"),
        ),
        Option(
            "--smoothing",
            "The weight of earlier losses in the smooth curve, 0 to below 1; 0.9 by default.",
            "WEIGHT",
            lambda text: number(text, example="--smoothing 0.9"),
        ),
        Option(
            "--max-time",
            "Time after which no further batch begins; 30s by default.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
        ),
        Option("--code", "Print the plain Keras code of such a test, and run nothing."),
    ),
)
_OPTIONS = ("batch_size", "start", "end", "steps", "max_time", "smoothing")


@magics_class
class LrFindMagics(NotebookMagics):
    """The magic ``%lr_find``."""

    @line_magic
    def lr_find(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = LR_FIND.parse(line)
        try:
            held = Held.of(values, self.shell.user_ns, magic="%lr_find")
            options = {key: values[key] for key in _OPTIONS if values[key] is not None}
            if values["code"]:
                print(_code(held, options), end="")  # noqa: T201 - the code is the output
                return
            from nbkeras.training.rate_finder.finding import lr_find
            from nbkeras.widgets.finders.rate_view import bundle

            display(bundle(lr_find(*held.data, sample_weight=held.weights, **options)), raw=True)
        except Refusal as refusal:
            text = str(refusal).removeprefix("lr_find: ")
            raise UsageError(f"%lr_find: {LR_FIND.with_flags(text)}") from None


def _code(held: Held, options: dict[str, Any]) -> str:
    from nbkeras.runtime.keras_lines import active_line, line_of
    from nbkeras.training.rate_finder import finding
    from nbkeras.training.rate_finder.plain import plain_code

    return plain_code(
        *held.names,
        sample_weight=held.weights_name,
        keras=line_of(held.data[0]) or active_line(),
        batch_size=options.get("batch_size"),
        start=options.get("start", finding.START),
        end=options.get("end", finding.END),
        steps=options.get("steps", finding.STEPS),
        smoothing=options.get("smoothing", finding.SMOOTHING),
    )


LrFindMagics.lr_find.__doc__ = LR_FIND.help()
