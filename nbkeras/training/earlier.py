"""What earlier cells have made: found as a cell begins, wherever it is held."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from nbkeras.callbacks.backup.sources import is_dataset
from nbkeras.callbacks.backup.variables import variables_of
from nbkeras.reproducibility.loose_variables import is_variable, resources_of
from nbkeras.runtime.keras_lines import is_model, line_of


class Earlier:
    """The layers, models, datasets and variables that are alive now."""

    def __init__(self) -> None:
        """Look at all objects once."""
        self._found: dict[int, weakref.ref[Any]] = {}
        self._unbuilt: set[int] = set()
        self.variables: list[Any] = []
        """TensorFlow's own; to be let go of once their values are read."""
        self.models: list[weakref.ref[Any]] = []
        kinds: dict[type, str] = {}
        for each in gc.get_objects():
            kind = type(each)
            if kind not in kinds:
                kinds[kind] = _kind_of(each)
            if kinds[kind] == "variable":
                self.variables.append(each)
            elif kinds[kind]:
                self._found[id(each)] = weakref.ref(each)
                if kinds[kind] == "model":
                    self.models.append(weakref.ref(each))
                if not getattr(each, "built", True):
                    self._unbuilt.add(id(each))

    def has(self, thing: Any) -> bool:
        """Tell whether a layer, a model or a dataset was there."""
        reference = self._found.get(id(thing))
        return reference is not None and reference() is thing

    def was_unbuilt(self, layer: Any) -> bool:
        """Tell whether a layer was there and had no weights yet."""
        return id(layer) in self._unbuilt

    def layers(self) -> list[Any]:
        """Return the layers that hold no other one and are there still."""
        found = [reference() for reference in self._found.values()]
        return [each for each in found if each is not None and not is_dataset(each) and not is_model(each)]


def names_of(variables: list[Any], layers: list[Any]) -> list[str]:
    """Return what variables are called: by the layers that hold them, else by their own names; each once."""
    names: dict[int, str] = {}
    for layer in layers:
        held = (each for group in variables_of(layer).values() for each in group)
        names |= {id(each): str(layer.name) for each in resources_of(held)}
    return sorted({names.get(id(each)) or each.name.partition(":")[0] for each in variables})


def _kind_of(thing: Any) -> str:
    kind = type(thing)
    named = {base.__name__ for base in kind.__mro__}
    if is_model(thing):
        return "model"
    if is_variable(kind):
        return "variable"
    is_layer = "Layer" in named and line_of(thing) is not None
    return "other" if is_layer or "DatasetV2" in named else ""
