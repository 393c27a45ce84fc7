"""The configurations of Keras's objects as plain data, so that those of two trainings can be compared."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from typing import Any

import numpy as np

# What is new with each run, what a callback may change, or what comes with the first batch says nothing of
# what an object is. What it is called is a number where nobody has named it.
_LEFT_OUT = {
    *("name", "seed", "trainable", "module", "registered_name", "shared_object_id"),
    *("build_config", "compile_config", "batch_input_shape"),
}
_BUILT = {"built", "_built"}
# A longer list is data: a vocabulary, say.
_LONG = 64
_SHOWN = 60
MISSING = "none"


def config_of(thing: Any, *, numbers: bool = False) -> dict[str, Any] | None:
    """Return what an object says of itself, None when it says nothing.

    Args:
        thing: an object of Keras's or of the user's.
        numbers: whether its plain attributes shall stand in, where it says nothing.
    """
    # The name of a policy is what it is: mixed_float16.
    named = type(thing).__name__.endswith("Policy")
    try:
        with warnings.catch_warnings():
            # tf_keras warns of lambdas, as if something was saved.
            warnings.simplefilter("ignore")
            return _members(thing.get_config(), named=named)
    except Exception:  # noqa: BLE001 - a class of the user's may do anything
        held = getattr(thing, "__dict__", {}) if numbers else {}
    config = {key: value for key, value in held.items() if _is_number(value) and key not in _BUILT}
    return _members(config) if numbers else None


def plain(value: Any) -> Any:
    """Return any value as JSON knows it; what has no value of its own is told by its class or its name."""
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, (list, tuple)):
        return _list([plain(each) for each in value])
    if isinstance(value, (set, frozenset)):
        return _list(sorted((plain(each) for each in value), key=repr))
    return _simple(value) if value is None or isinstance(value, (bool, int, float, str)) else _thing(value)


def first_difference(theirs: Any, ours: Any, *, but: frozenset[str] = frozenset()) -> tuple[str, str, str]:
    """Find the first place where two configurations differ.

    Args:
        theirs: one of them, from `config_of` or `plain`.
        ours: the other one.
        but: the names of the outermost members that need not be the same.

    Returns:
        The place (``kernel_regularizer.l2``) and both values in words, thrice "" when they are the same.
    """
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.get("is") == ours.get("is"):
        for key in dict.fromkeys([*theirs, *ours]):
            if key in but:
                continue
            place, *values = first_difference(theirs.get(key, MISSING), ours.get(key, MISSING))
            if values != ["", ""]:
                return f"{key}.{place}".rstrip("."), values[0], values[1]
        return "", "", ""
    return ("", "", "") if theirs == ours else ("", shown(theirs), shown(ours))


def shown(value: Any) -> str:
    """Return a value of a configuration in words: ``L2(l2=0.1)``."""
    if isinstance(value, dict):
        inner = ", ".join(f"{key}={shown(each)}" for key, each in value.items() if key != "is")
        text = f"{value['is']}({inner})" if "is" in value else f"{{{inner}}}"
    elif isinstance(value, list):
        text = f"[{', '.join(map(shown, value))}]"
    else:
        text = str(value) if value == MISSING else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _members(config: dict[Any, Any], *, named: bool = False) -> dict[str, Any]:
    kept = {}
    for key, value in config.items():
        if key in _LEFT_OUT and not (named and key == "name"):
            continue
        if key == "learning_rate" and _is_number(value):
            # A callback changes it; a schedule is none of its business.
            continue
        if key == "function" and config.get("function_type") == "lambda":
            # Its code, with the place where it was written: of another cell each time.
            continue
        kept[str(key)] = plain(value)
    return kept


def _object(value: dict[Any, Any]) -> Any:
    """Return what Keras writes of an object as its class and configuration."""
    if not {"class_name", "config"} <= value.keys():
        return _members(value)
    name, config = str(value["class_name"]), value["config"]
    if name == "__lambda__":
        return "<lambda>"
    if isinstance(config, dict):
        return {"is": name, **_members(config, named=name.endswith("Policy"))}
    return config if isinstance(config, str) else name


def _simple(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, str) and len(value) > _LONG * 4:
        return f"text {_digest(value.encode())}"
    return value


def _thing(value: Any) -> Any:
    if hasattr(value, "_keras_history"):
        return "tensor"
    if isinstance(value, np.ndarray) or hasattr(value, "numpy"):
        try:
            array = np.asarray(value)
            data = array.tobytes() if array.dtype != object else repr(array.tolist()).encode()
            return {"is": f"{array.dtype} array", "shape": list(array.shape), "of": _digest(data)}
        except Exception:  # noqa: BLE001 - a symbolic tensor has no value, a class of the user's any method
            return type(value).__name__
    if hasattr(value, "get_config") and not isinstance(value, type):
        # Keras 3's Huber says nothing of its delta; what a loss or a metric calls its function with, does.
        given = getattr(value, "_fn_kwargs", None)
        more = {"of": plain(given)} if isinstance(given, dict) and given else {}
        return {"is": type(value).__name__, **(config_of(value) or {}), **more}
    if hasattr(value, "func") and hasattr(value, "args"):
        # functools.partial
        return [plain(value.func), plain(value.args), plain(value.keywords)]
    return str(getattr(value, "__name__", None) or type(value).__name__)


def _list(values: list[Any]) -> Any:
    return values if len(values) <= _LONG else f"{len(values)} values {_digest(json.dumps(values).encode())}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, np.number)) or (
        type(value).__name__ == "EagerTensor" and not value.shape
    )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:12]
