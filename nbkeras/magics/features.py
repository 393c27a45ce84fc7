"""``%features``: what layers inside a model put out."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int

_MINUS = "\N{MINUS SIGN}"
FEATURES = Grammar(
    magic="%features",
    summary="Return what layers inside a model put out in inference, and show it.",
    details="""
        A layer is a name, a path (base/conv1), a pattern (conv*), or its place in model.layers (-1). A layer
        that is called several times has the outputs name#1, name#2. Calls of layers are recorded, so it works
        in nested models and in models of one's own. The model stays as it is. found = %features model conv1 x
        keeps the arrays. In Python: nbkeras.features(model, ["conv1"], x)
        """,
    examples="""
        %features model conv1 x_test
        %features model base/conv* -2 x_test
        found = %features model embedding x --to features.h5
        %features model conv1 x --code
        """,
    options=(
        Option("MODEL", "The variable that holds the model.", complete="model"),
        Option(
            "NAMES",
            "Layers, and at the end the variable that holds the data.",
            complete="variable",
            many=True,
        ),
        Option("--to", "Write the outputs to this HDF5 file, batch by batch.", "FILE.h5", complete="path"),
        Option(
            "--batch-size",
            "Samples that are computed at a time; 32 by default.",
            "N",
            partial(positive_int, option="--batch-size"),
        ),
        Option("--code", "Print the plain Keras code that does the same, and compute nothing."),
    ),
)


@magics_class
class FeaturesMagics(NotebookMagics):
    """The magic ``%features``."""

    @line_magic
    def features(self, line: str) -> Any:
        """Replaced by the grammar's help below."""
        # A place from the end looks like an option.
        values = FEATURES.parse(re.sub(r"(?<=\s)-(?=\d+\s)", _MINUS, line))
        name, names = values["model"], values["names"]
        if name is None or not names[1:]:
            given = f"{name} {' '.join(names)}".strip() if name else "nothing"
            text = (
                f"%features: expected a model, layers and data, received {given}: "
                "type  %features model conv1 x"
            )
            raise UsageError(text)
        model, x = self._held(name, "a model"), self._held(names[-1], "data")
        layers = [each.replace(_MINUS, "-") for each in names[:-1]]
        size = values["batch_size"] or 32
        from nbkeras.models.outputs.plain import plain_code
        from nbkeras.widgets.features import features

        try:
            if not values["code"]:
                return features(model, layers, x, to=values["to"], batch_size=size)
            print(plain_code(name, model, layers, names[-1], x, values["to"], size), end="")  # noqa: T201
        except Refusal as refusal:
            text = FEATURES.with_flags(str(refusal).removeprefix("features: "))
            raise UsageError(f"%features: {text}") from None
        return None

    def _held(self, name: str, what: str) -> Any:
        if name not in self.shell.user_ns:
            text = f"%features: expected a variable that holds {what}, received {name!r}: %who shows them"
            raise UsageError(text)
        return self.shell.user_ns[name]


FeaturesMagics.features.__doc__ = FEATURES.help()
