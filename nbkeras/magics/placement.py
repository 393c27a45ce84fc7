"""``%placement``: where the variables and operations of each layer are."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class
from IPython.display import display

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

PLACEMENT = Grammar(
    magic="%placement",
    summary="Show on which devices the variables, operations and gradients of each layer are.",
    details="""
        It is measured: a forward pass in training and its gradients are run once, on zeros or on --batch, and
        read from the graphs that TensorFlow hands to each device. The model stays as it is, bit for bit. What
        is on several devices is marked. nbkeras.on_device(layer, "GPU:1") puts a layer on a device.
        In Python: nbkeras.placement(model)
        """,
    examples="""
        %placement model
        %placement model --batch x_small
        %placement model --code
        """,
    options=(
        Option("MODEL", "The variable that holds the model.", complete="model"),
        Option("--batch", "The variable that holds inputs of it.", "NAME", complete="variable"),
        Option("--code", "Print the plain TensorFlow code that shows devices, and run nothing."),
    ),
)


@magics_class
class PlacementMagics(NotebookMagics):
    """The magic ``%placement``."""

    @line_magic
    def placement(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = PLACEMENT.parse(line)
        name, batch = values["model"], values["batch"]
        if name is None:
            text = "%placement: expected a model, received none: type  %placement model"
            raise UsageError(text)
        model = self._held(name, "a model")
        inputs = None if batch is None else self._held(batch, "inputs")
        from nbkeras.devices.placing.placement import checked_model, placement
        from nbkeras.devices.placing.plain import plain_code
        from nbkeras.widgets.placement import placement_bundle

        try:
            if values["code"]:
                checked_model(model)
                print(plain_code(name, model, batch or ""), end="")  # noqa: T201 - the code is the output
            else:
                display(placement_bundle(placement(model, inputs)), raw=True)
        except Refusal as refusal:
            raise UsageError(f"%placement: {PLACEMENT.with_flags(str(refusal))}") from None

    def _held(self, name: str, what: str) -> Any:
        if name not in self.shell.user_ns:
            text = f"%placement: expected a variable that holds {what}, received {name!r}: %who shows them"
            raise UsageError(text)
        return self.shell.user_ns[name]


PlacementMagics.placement.__doc__ = PLACEMENT.help()
