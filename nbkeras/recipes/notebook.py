"""What a notebook has to choose from: variables by kind, and what its models are made of."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES, is_compiled, is_model
from nbkeras.training.metric_names import compiled_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What TensorFlow says of a dataset whose length it does not know.
_UNKNOWN = -2


class Notebook:
    """A view of a notebook's variables; nothing is imported and nothing is changed by looking.

    Example:
        >>> import numpy as np
        >>> Notebook({"x": np.zeros((4, 2)), "n": 3}).names("array")
        ['x']

    Args:
        variables: the notebook's namespace, looked at anew on each call.
    """

    def __init__(self, variables: Mapping[str, Any]) -> None:
        """Look at a namespace."""
        self._variables = variables

    def names(self, kind: str, of: str = "") -> list[str]:
        """Return the names of one kind: variables sorted, layers and metrics in the model's order."""
        if kind == "layer":
            return layer_names(self._variables.get(of))
        if kind == "outer layer":
            model: Any = self._variables.get(of)
            return [str(each.name) for each in model.layers] if is_model(model) else []
        if kind == "metric":
            return self._metrics(of)
        if kind == "device":
            return device_names()
        fits = _FITS[kind]
        # A copy: another thread may be running a cell.
        found = [name for name, value in list(self._variables.items()) if _fits(fits, value)]
        return sorted(name for name in found if not name.startswith("_"))

    def every(self) -> list[str]:
        """Return the names of all variables but those that begin with an underscore."""
        return [name for name in list(self._variables) if not name.startswith("_")]

    def value(self, name: str) -> Any:
        """Return what a variable is, None for one that is not there."""
        return self._variables.get(name)

    def shape(self, name: str) -> tuple[int | None, ...]:
        """Return the shape of an array, of a dataset's or a model's one input; () where it is not known."""
        value = self.value(name)
        if is_model(value):
            return _shape(value, "input_shape")
        if _fits(_is_dataset, value):
            value = value.element_spec
            value = value[0] if isinstance(value, tuple) and value else value
        return _shape(value, "shape")

    def holding(self, value: object) -> list[str]:
        """Return the names of the variables that are this very object."""
        return sorted(
            name for name, each in list(self._variables.items()) if each is value and name[0] != "_"
        )

    def rows(self, name: str) -> int | None:
        """Return how many rows an array or a dataset of batches has at most, None where nobody can tell."""
        value = self.value(name)
        if _fits(_is_array, value):
            return len(value)
        batch = (self.shape(name) or (None,))[0]
        batches = self.batches(name)
        return None if batch is None or batches is None or batches < 0 else batch * batches

    def batches(self, name: str) -> int | None:
        """Return how many elements a dataset has: -1 for one that never ends, None where nobody can tell."""
        value = self.value(name)
        count = int(value.cardinality()) if _fits(_is_dataset, value) else _UNKNOWN
        return None if count == _UNKNOWN else count

    def has_targets(self, name: str) -> bool:
        """Tell whether a dataset's elements have a second part, beside the inputs."""
        found = getattr(self.value(name), "element_spec", None)
        return isinstance(found, tuple) and len(found) > 1

    def targets(self, x: str, y: str) -> tuple[int | None, ...] | None:
        """Return the shape of a batch's targets, of an array or in a dataset; None where nobody can tell."""
        value = self.value(y)
        if not y:
            value = self.value(x).element_spec[1] if self.has_targets(x) else None
        return _shape(value, "shape") or None

    def _metrics(self, model: str) -> list[str]:
        names = compiled_metrics(self._variables.get(model))
        return [*names, *(f"val_{name}" for name in names)]


def every_layer(model: Any) -> list[Any]:
    """Return a model's layers and, after each that is a model itself, those within it."""
    return (
        [each for layer in model.layers for each in (layer, *every_layer(layer))] if is_model(model) else []
    )


def layer_names(model: Any) -> list[str]:
    """Return the names of a model's layers, those of nested models as ``outer/inner``."""
    if not is_model(model):
        return []
    found = []
    for layer in model.layers:
        found.append(str(layer.name))
        found += [f"{layer.name}/{inner}" for inner in layer_names(layer)]
    return found


def device_names() -> list[str]:
    """Return TensorFlow's logical devices, ``CPU:0`` first; none before TensorFlow is imported.

    Asking TensorFlow initialises it, which a later cell may want to come before: so it is asked only when
    it is initialised already.
    """
    context = sys.modules.get("tensorflow.python.eager.context")
    if context is None or not context.context()._initialized:  # noqa: SLF001 - there is no public way to ask
        return []
    tensorflow = sys.modules["tensorflow"]
    names = [device.name.partition("device:")[2] for device in tensorflow.config.list_logical_devices()]
    return sorted(names)


def _is_array(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    is_numpy = numpy is not None and isinstance(value, numpy.ndarray) and value.ndim > 0
    return bool(is_numpy) or (type(value).__name__ == "EagerTensor" and len(value.shape) > 0)


def _is_dataset(value: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    data = getattr(tensorflow, "data", None)
    return data is not None and isinstance(value, data.Dataset)


def _is_built(value: Any) -> bool:
    return is_model(value) and bool(value.built)


def _is_graph(value: Any) -> bool:
    """Tell whether it is a functional or sequential model whose layers are connected already."""
    if not _is_built(value) or not getattr(value, "inputs", None):
        return False
    kinds = {cls.__name__ for cls in type(value).__mro__ if cls.__module__.partition(".")[0] in LINES}
    return bool(kinds & {"Functional", "Sequential"})


_FITS: dict[str, Callable[[Any], bool]] = {
    "model": is_model,
    "compiled model": lambda value: is_model(value) and is_compiled(value),
    "built model": _is_built,
    "graph model": _is_graph,
    "compiled graph model": lambda value: _is_graph(value) and is_compiled(value),
    "array": _is_array,
    "dataset": _is_dataset,
    "data": lambda value: _is_array(value) or _is_dataset(value),
}


def _shape(value: Any, attribute: str) -> tuple[int | None, ...]:
    try:
        found = tuple(getattr(value, attribute))
    except Exception:  # noqa: BLE001 - Keras and TensorFlow raise several kinds where nothing is known yet
        return ()
    return found if all(size is None or isinstance(size, int) for size in found) else ()


def _fits(test: Callable[[Any], bool], value: Any) -> bool:
    try:
        return test(value)
    except Exception:  # noqa: BLE001 - a variable may be anything, and may refuse to be asked
        return False
