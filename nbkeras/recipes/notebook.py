"""What a notebook has to choose from: variables by kind, and what its models are made of."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_compiled, is_model
from nbkeras.training.metric_names import compiled_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
        if kind == "metric":
            return self._metrics(of)
        if kind == "device":
            return device_names()
        fits = _FITS[kind]
        # A copy: another thread may be running a cell.
        found = [name for name, value in list(self._variables.items()) if _fits(fits, value)]
        return sorted(name for name in found if not name.startswith("_"))

    def value(self, name: str) -> Any:
        """Return what a variable is, None for one that is not there."""
        return self._variables.get(name)

    def _metrics(self, model: str) -> list[str]:
        names = compiled_metrics(self._variables.get(model))
        return [*names, *(f"val_{name}" for name in names)]


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


_FITS: dict[str, Callable[[Any], bool]] = {
    "model": is_model,
    "compiled model": lambda value: is_model(value) and is_compiled(value),
    "array": _is_array,
    "dataset": _is_dataset,
    "data": lambda value: _is_array(value) or _is_dataset(value),
}


def _fits(test: Callable[[Any], bool], value: Any) -> bool:
    try:
        return test(value)
    except Exception:  # noqa: BLE001 - a variable may be anything, and may refuse to be asked
        return False
