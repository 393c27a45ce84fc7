"""``%tpu_connect``: the steps to a TPU in one line, and a plain diagnosis where there is none."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.devices.tpu.targets import OR_ELSE, checked_or_else
from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.refusal import Refusal

TPU_CONNECT = Grammar(
    magic="%tpu_connect",
    summary="Connect to a TPU, initialise it, and make its TPUStrategy the notebook's strategy.",
    details="""
        Without a name it looks at the variables that TensorFlow reads, at this machine (Colab and Kaggle have
        their TPUs there), and at the variables of older Colab runtimes; cheaply, before TensorFlow is asked.
        Without a TPU it says what it looked for and what to choose, and changes nothing. Called again on a
        connected TPU it keeps all variables. In Python: strategy = nbkeras.tpu_connect()
        """,
    examples="""
        %tpu_connect
        %tpu_connect --or-else mirrored
        %tpu_connect grpc://10.0.0.2:8470 --timeout 2m
        %tpu_connect my-tpu --zone us-central1-b --project my-project
        """,
    options=(
        Option("NAME", "local, an address grpc://host:port, or a name in Google Cloud.", complete=("local",)),
        Option(
            "--timeout",
            "Give up after this time: 60s by default.",
            "TIME",
            lambda text: parse_duration(text, option="--timeout"),
        ),
        Option(
            "--or-else",
            "What to take where there is no TPU: mirrored (all GPUs, or else the CPU) or cpu.",
            "WHAT",
            checked_or_else,
            complete=OR_ELSE,
        ),
        Option("--zone", "The zone of a TPU that is named.", "ZONE"),
        Option("--project", "The project of a TPU that is named.", "PROJECT"),
        Option("--code", "Print the plain TensorFlow code that does the same, and connect to nothing."),
    ),
)


@magics_class
class TpuMagics(NotebookMagics):
    """The magic ``%tpu_connect``."""

    @line_magic
    def tpu_connect(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = TPU_CONNECT.parse(line, {"timeout": 60.0})
        show_code = values.pop("code")
        from nbkeras.devices.tpu.connecting import connect
        from nbkeras.devices.tpu.diagnosis import NoTpu
        from nbkeras.devices.tpu.plain import plain_code

        try:
            if show_code:
                print(plain_code(values["name"], values["or_else"], values["zone"], values["project"]))  # noqa: T201 - the code is the output
            else:
                connect(**values, say=print)
        except NoTpu as refusal:
            print("\n".join(refusal.table()))  # noqa: T201 - the diagnosis
            raise UsageError(f"%tpu_connect: {refusal}") from None
        except Refusal as refusal:
            raise UsageError(f"%tpu_connect: {refusal}") from None


TpuMagics.tpu_connect.__doc__ = TPU_CONNECT.help()
