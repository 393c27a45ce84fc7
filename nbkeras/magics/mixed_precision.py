"""``%mixed_precision``: compute in 16 bits where that is faster."""

from __future__ import annotations

from functools import partial
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.devices.policy import SHORT
from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int

ACTIONS = ("on", "off", "auto", "status")

MIXED_PRECISION = Grammar(
    magic="%mixed_precision",
    summary="Let the models of all later cells compute in 16 bits and keep their weights in 32.",
    details="""
        on sets Keras's dtype policy for the format that this hardware is good at; on float16 and on bfloat16
        name it. Models that are made already stay as they are. auto trains copies of a model for a few steps
        in 16 and in 32 bits, in turn, says which is faster here, and sets that; the model, its data and all
        random numbers stay as they are. off gives back the policy of before. status tells of the policy, the
        hardware and the notebook's models. For one cell: %%fit --mixed-precision on. In Python:
        nbkeras.mixed_precision("on")
        """,
    examples="""
        %mixed_precision on
        %mixed_precision on bfloat16
        %mixed_precision auto model x y --batch-size 256
        %mixed_precision off
        """,
    options=(
        Option("WHAT", "on, off, auto, or status (the default).", complete=(*ACTIONS, *SHORT)),
        Option(
            "NAMES", "For on, the format; for auto, a model and its data.", complete="variable", many=True
        ),
        Option(
            "--batch-size",
            "Samples in a batch that auto measures with; 32 by default.",
            "N",
            partial(positive_int, option="--batch-size"),
        ),
        Option(
            "--max-time",
            "Time after which auto begins no further run; 10s by default.",
            "TIME",
            lambda text: parse_duration(text, option="--max-time"),
        ),
        Option("--code", "Print the plain Keras code that does the same, and change nothing."),
    ),
)


@magics_class
class MixedPrecisionMagics(NotebookMagics):
    """The magic ``%mixed_precision``."""

    @line_magic
    def mixed_precision(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = MIXED_PRECISION.parse(line)
        try:
            print(self._answer(values))  # noqa: T201 - the answer
        except Refusal as refusal:
            text = str(refusal).removeprefix("mixed_precision: ")
            raise UsageError(f"%mixed_precision: {text}") from None

    def _answer(self, values: dict[str, Any]) -> Any:
        what, names = values["what"] or "status", values["names"]
        if what == "on" and names[:1] and names[0] in SHORT:
            what, *names = names
        _refuse_what_goes_elsewhere(what, names, values)
        from nbkeras.training.precision import asking

        if values["code"]:
            return _code(what)
        variables = self.shell.user_ns
        if what == "status":
            return asking.status(
                {
                    name: value
                    for name, value in variables.items()
                    if is_model(value) and not name.startswith("_")
                }
            )
        options = {key: values[key] for key in ("batch_size", "max_time") if values[key] is not None}
        return asking.mixed_precision(what, *(_variable(variables, name) for name in names), **options)


def _refuse_what_goes_elsewhere(what: str, names: list[str], values: dict[str, Any]) -> None:
    if what not in {*ACTIONS, *SHORT}:
        expected = f"{', '.join(ACTIONS[:-1])} or {ACTIONS[-1]}"
        raise Refusal(f"expected {expected}, received {what!r}: type  %mixed_precision on")
    most = 3 if what == "auto" else 0
    if len(names) > most:
        raise Refusal(
            f"expected nothing behind {what}, received {names[most]!r}: type  %mixed_precision {what}"
        )
    for option in ("batch_size", "max_time"):
        if values[option] is not None and what != "auto":
            flag = f"--{option.replace('_', '-')}"
            raise Refusal(f"{flag}: expected auto before it, received {what}: leave it out")
    if values["code"] and what in {"auto", "status", "off"}:
        raise Refusal(f"--code: expected on before it, received {what}: type  %mixed_precision on --code")


def _code(what: str) -> str:
    from nbkeras.devices.policy import here, plain_code, policy_of

    return plain_code(policy_of(what, here()))


def _variable(variables: dict[str, Any], name: str) -> Any:
    if name not in variables:
        raise Refusal(f"expected a variable of the notebook, received {name!r}: give it a value first")
    return variables[name]


MixedPrecisionMagics.mixed_precision.__doc__ = MIXED_PRECISION.help()
