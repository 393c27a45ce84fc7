"""``%devices``: what this machine has, what TensorFlow sees of it, and logical CPUs for trying."""

from __future__ import annotations

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.devices.logical_cpus import checked_count
from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

DEVICES = Grammar(
    magic="%devices",
    summary="Show CPUs, GPUs and TPUs, TensorFlow's build, and why a GPU is not seen.",
    details="""
        It imports TensorFlow and does not begin it: no memory of a GPU is taken. Of GPUs it shows the memory
        that all programs use, by NVIDIA's driver (package nvidia-ml-py). Logical CPUs let TensorFlow take the
        one processor for several, to try tf.distribute strategies: they must be made before the notebook's
        first tensor, variable or dataset. In Python: nbkeras.devices()
        """,
    examples="""
        %devices
        %devices --logical-cpus 2
        %devices --logical-cpus 4 --code
        """,
    options=(
        Option("--logical-cpus", "Make this many logical CPUs, from 1 to 64.", "N", checked_count),
        Option("--code", "Print the plain TensorFlow code for --logical-cpus, and make none."),
    ),
)


@magics_class
class DevicesMagics(NotebookMagics):
    """The magic ``%devices``."""

    @line_magic
    def devices(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = DEVICES.parse(line)
        if values["code"] and values["logical_cpus"] is None:
            text = "%devices: --code goes with --logical-cpus: type  %devices --logical-cpus 2 --code"
            raise UsageError(text)
        try:
            _answer(values["logical_cpus"], show_code=bool(values["code"]))
        except Refusal as refusal:
            raise UsageError(f"%devices: {refusal}") from None


def _answer(count: int | None, *, show_code: bool) -> None:
    from nbkeras.devices.asking import devices
    from nbkeras.devices.logical_cpus import logical_cpus, plain_code
    from nbkeras.widgets.devices import devices_bundle

    if count is None:
        display(devices_bundle(devices()), raw=True)
    elif show_code:
        print(plain_code(count))  # noqa: T201 - the code is the output
    else:
        names = logical_cpus(count)
        shared = "" if count == 1 else " share one processor: for trying tf.distribute, not for speed"
        print(f"{', '.join(names)}{shared}")  # noqa: T201 - the answer


DevicesMagics.devices.__doc__ = DEVICES.help()
