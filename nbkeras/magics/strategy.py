"""``%strategy``: what the notebook's models train on."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.cluster.current import needed
from nbkeras.devices.strategies import CLUSTER, KINDS, checked_devices
from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

STRATEGY = Grammar(
    magic="%strategy",
    summary="Choose what the models of all later cells train on: one device, several, a TPU, or a cluster.",
    details="""
        mirrored shares each batch among devices: all GPUs, or else all CPUs (%devices --logical-cpus N). A
        model belongs to the strategy that it was made under. cluster sends whole cells under %%fit, and only
        those, to the workers of %cluster. With %%fit or %nbkeras on, what cannot go well is refused before
        the training, and each replica's share is said. For one cell: %%fit --strategy mirrored. In Python:
        nbkeras.fitting(strategy="mirrored")
        """,
    examples="""
        %strategy mirrored
        %strategy mirrored --devices GPU:0,GPU:1
        %strategy cluster
        %strategy status
        %strategy none
        """,
    options=(
        Option(
            "WHAT",
            "one, mirrored, tpu, cluster, none, or status (the default).",
            complete=(*KINDS, CLUSTER, "status"),
        ),
        Option("--devices", "The devices for one or mirrored, with commas.", "NAMES", checked_devices),
        Option("--code", "Print the plain TensorFlow code that does the same, and change nothing."),
    ),
)


@magics_class
class StrategyMagics(NotebookMagics):
    """The magic ``%strategy``."""

    @line_magic
    def strategy(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = STRATEGY.parse(line)
        kind, devices = values["what"] or "status", values["devices"] or ()
        if kind not in {*KINDS, CLUSTER, "status"}:
            expected = ", ".join((*KINDS, CLUSTER))
            text = f"%strategy: expected {expected} or status, received {kind!r}: type  %strategy mirrored"
            raise UsageError(text)
        if kind == "status" and (devices or values["code"]):
            text = "%strategy: --devices and --code go with a strategy: type  %strategy mirrored"
            raise UsageError(text)
        from nbkeras.devices import strategies

        try:
            if kind == CLUSTER and not values["code"]:
                needed()
            if kind == "status":
                print(strategies.status())  # noqa: T201 - the answer
            elif values["code"]:
                print(strategies.plain_code(kind, devices))  # noqa: T201 - the code is the output
            else:
                print(strategies.use(kind, devices))  # noqa: T201 - the answer
        except Refusal as refusal:
            raise UsageError(f"%strategy: {refusal}") from None


StrategyMagics.strategy.__doc__ = STRATEGY.help()
