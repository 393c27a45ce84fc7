"""Parameters whose choices come from the notebook: its models, arrays, layers, metrics, devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbkeras.recipes.parameter import Parameter, shown

if TYPE_CHECKING:
    from nbkeras.recipes.notebook import Notebook

Kind = Literal[
    "model",
    "compiled model",
    "built model",
    "graph model",
    "compiled graph model",
    "array",
    "dataset",
    "data",
    "layer",
    "outer layer",
    "metric",
    "device",
]

_OF_A_MODEL = ("layer", "outer layer", "metric", "device")
_WORDS = {
    "built model": "built model (called once on data, or with keras.Input)",
    "graph model": "functional or sequential model with keras.Input",
    "compiled graph model": "compiled functional or sequential model with keras.Input",
    "data": "array or dataset",
    "outer layer": "layer of the model itself, not of one inside it,",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick(Parameter):
    """The name of something in the notebook; ``""`` stands for an example that the code makes itself.

    Args:
        kind: what it has to be; ``"data"`` is an array or a dataset, ``"graph model"`` a functional or
            sequential one that is no subclass, with an Input; an outer layer is one of no nested model.
        of: for a layer or a metric, the parameter that names its model.
        example: for a layer or a metric, the names that the code's own example model has. Needed where
            ``default`` is not ``""``.
        many: whether it is several, a tuple of names.
        nothing: how a form shows that nothing is picked.
    """

    kind: Kind
    of: str = ""
    example: tuple[str, ...] = ()
    many: bool = False
    nothing: str = "(none)"

    @property
    def is_variable(self) -> bool:
        """Whether what is picked is a variable of the notebook; layers and metrics are named by Keras."""
        return self.kind not in _OF_A_MODEL

    def check(self, value: Any) -> str:
        """Refuse what is no name; whether the notebook has it is for `find` to say."""
        names = value if self.many and isinstance(value, (tuple, list)) else (value,)
        if self.many and (not isinstance(value, (tuple, list)) or not value):
            return f"expected one {self.kind} or several, received {shown(value)}"
        for name in names:
            nameless = name == "" and self.default != ""
            if not isinstance(name, str) or not name.isprintable() or nameless:
                return f"expected the name of a {self.kind}, received {shown(name)}"
            if name and self.is_variable and not name.isidentifier():
                return f"expected a variable's name, received {shown(name)}"
        return ""

    def choices(self, notebook: Notebook, values: dict[str, Any]) -> list[str]:
        """Return the names to choose from, given the other parameters' values."""
        owner = values.get(self.of, "") if self.of else ""
        if self.of and not owner:
            return list(self.example)
        return notebook.names(self.kind, of=owner)

    def find(self, value: Any, notebook: Notebook, values: dict[str, Any]) -> str:
        """Return what is wrong with a value in this notebook, ``""`` for nothing."""
        there = self.choices(notebook, values)
        for name in value if self.many else (value,):
            if name in there or (name == "" and self.default == ""):
                continue
            offer = f": there are {', '.join(there[:8])}" if there else ": there is none"
            return f"expected {self._words()} of this notebook, received {shown(name)}{offer}"
        return ""

    def _words(self) -> str:
        words = _WORDS.get(self.kind, self.kind)
        return f"an {words}" if words[0] in "aeiou" else f"a {words}"
