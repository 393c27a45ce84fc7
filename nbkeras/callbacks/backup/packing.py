"""A training's state as JSON with arrays beside it: data, and never code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nbkeras.runs.vocabulary import JSON

Array: TypeAlias = "NDArray[Any]"


def pack(value: Any) -> tuple[JSON, list[Array]]:
    """Take a state apart into JSON and the arrays that it points to.

    Example:
        >>> form, arrays = pack({"wait": 2, "best": (0.5, np.ones(2))})
        >>> unpack(form, arrays)
        {'wait': 2, 'best': (0.5, array([1., 1.]))}

    Args:
        value: dicts, lists, tuples, numbers, texts, bytes, None and NumPy arrays, in each other at will.

    Raises:
        TypeError: when something else is in it.
    """
    arrays: list[Array] = []
    return _packed(value, arrays), arrays


def unpack(form: Any, arrays: list[Array]) -> Any:
    """Put together what `pack` took apart."""
    if not isinstance(form, list):
        return form
    kind, *parts = form
    if kind == "dict":
        return {unpack(key, arrays): unpack(value, arrays) for key, value in parts}
    if kind == "list":
        return [unpack(part, arrays) for part in parts]
    if kind == "tuple":
        return tuple(unpack(part, arrays) for part in parts)
    array = arrays[parts[0]]
    if kind == "bytes":
        return array.tobytes()
    return array[()] if kind == "scalar" else array


def _packed(value: Any, arrays: list[Array]) -> JSON:
    # bool, int and float alone: a NumPy float is a float, too, and would lose its type.
    if value is None or type(value) in (bool, int, float, str):
        form: JSON = value
        return form
    if isinstance(value, dict):
        return ["dict", *([_packed(key, arrays), _packed(each, arrays)] for key, each in value.items())]
    if isinstance(value, (list, tuple)):
        return ["list" if isinstance(value, list) else "tuple", *(_packed(each, arrays) for each in value)]
    if isinstance(value, bytes):
        return _pointed("bytes", np.frombuffer(value, np.uint8), arrays)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufcV":
        return _pointed("array" if isinstance(value, np.ndarray) else "scalar", np.asarray(value), arrays)
    raise TypeError(f"expected numbers, texts and arrays, received {type(value).__name__}")


def _pointed(kind: str, array: Array, arrays: list[Array]) -> JSON:
    arrays.append(array)
    return [kind, len(arrays) - 1]
