"""The two Keras lines: Keras 3 (`keras`) and the legacy one (`tf_keras`).

Nothing here imports Keras unless it is asked for a module of it: loading nbkeras stays cheap, and a
notebook that sets ``TF_USE_LEGACY_KERAS`` in its first cell still gets the line that it asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any, Literal

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from types import ModuleType

Line = Literal["keras", "tf_keras"]
LINES: tuple[Line, ...] = ("keras", "tf_keras")


def active_line() -> Line:
    """Return the line that ``tf.keras`` means in this process."""
    # TensorFlow itself reads the variable this way: "1" or "true" in any case.
    if os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in {"1", "true"}:
        return "tf_keras"
    return "keras"


def keras_module(line: Line | None = None) -> ModuleType:
    """Import one Keras line, the active one by default.

    Raises:
        Refusal: when TensorFlow or that Keras line is not installed.
    """
    name = line or active_line()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        extra = "legacy" if name == "tf_keras" and _installed("tensorflow") else "cpu"
        text = (
            f"expected {name} on TensorFlow, received no module named {error.name!r}: "
            f"type  %pip install 'nbkeras[{extra}]'  and restart the kernel"
        )
        raise Refusal(text) from None


def line_of(obj: object) -> Line | None:
    """Return the Keras line that an object's class comes from, or None."""
    for cls in type(obj).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in LINES:
            return root
    return None


def is_model(obj: object) -> bool:
    """Tell whether an object is a model of either Keras line, importing nothing."""
    for line in LINES:
        module = sys.modules.get(line)
        model_class = getattr(module, "Model", None)
        if isinstance(model_class, type) and isinstance(obj, model_class):
            return True
    return False


def is_compiled(model: Any) -> bool:
    """Tell whether ``model.compile`` was called."""
    # Keras 3 has the public attribute; tf_keras only the private one.
    return bool(getattr(model, "compiled", getattr(model, "_is_compiled", False)))


def _installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
