"""Whether arrays hold the values that they held at the backup: digests of them, or of parts of large ones.

Of an array of up to 4 MiB all is read, of a larger one 256 blocks of rows at even distances, 4 MiB together:
some milliseconds for each, and other samples or another order of them show. A few values that were changed
between the blocks do not.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.sources import is_dataset, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WHOLE = 4 * 2**20
BLOCKS = 256
# A longer list is one of samples, and not of inputs.
_FEW = 50
# What an item costs that has no fixed size.
_ITEM = 64
_SIMPLE = (str, bytes, bool, int, float, np.generic)
_LENGTH = 16


def values_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return a digest for each part of the data that has arrays; others are left out.

    Example:
        >>> import numpy as np
        >>> found = values_of({"x": np.zeros(3), "y": np.zeros(3), "sample_weight": None})
        >>> sorted(found), found["x"] == found["y"]
        (['x', 'y'], True)

    Args:
        data: the parts by name: NumPy arrays, tensors, pandas objects, lists and dicts of them, and datasets
            made of such.
    """
    found = {}
    for name, part in data.items():
        arrays = list(_arrays(part))
        if arrays:
            found[name] = _digest(arrays)
    return found


def _arrays(data: Any) -> Iterator[Any]:
    if is_dataset(data):
        for each in pipeline(data):
            # Where a pipeline begins with tensors. Texts may be paths, which say nothing of what is read.
            held: Any = getattr(each, "_tensors", None) or ()
            yield from (tensor for tensor in held if tensor.dtype.is_floating or tensor.dtype.is_integer)
    elif isinstance(data, dict):
        for key in sorted(data, key=str):
            yield from _arrays(data[key])
    elif isinstance(data, (list, tuple)):
        for each in data if len(data) < _FEW else ():
            yield from _arrays(each)
    elif hasattr(data, "iloc"):
        # A table of pandas has a type for each column.
        columns = (data.iloc[:, place] for place in range(data.shape[1])) if data.ndim > 1 else (data,)
        yield from (column.to_numpy() for column in columns)
    elif hasattr(data, "__array__") and hasattr(data, "dtype") and _is_sized(data):
        yield data


def _is_sized(array: Any) -> bool:
    try:
        return all(isinstance(size, int) for size in tuple(array.shape))
    except (TypeError, ValueError):
        return False


def _digest(arrays: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        name = getattr(array.dtype, "name", array.dtype)
        digest.update(f"{name}{tuple(array.shape)}".encode())
        _read(digest, array, WHOLE)
    return digest.hexdigest()[:_LENGTH]


def _read(digest: Any, array: Any, most: int) -> None:
    """Read an array, or as many bytes of it in parts of rows; only what is read becomes one of NumPy's."""
    size = _bytes(array)
    if size <= most:
        _update(digest, np.asarray(array))
        return
    length = len(array)
    row = -(-size // length)
    if row > most:
        for place in sorted({0, length - 1}):
            _read(digest, array[place], most // 2)
        return
    count = min(BLOCKS, most // row)
    rows = most // (count * row)
    for start in np.linspace(0, length - rows, count).astype(int).tolist():
        _update(digest, np.asarray(array[start : start + rows]))


def _bytes(array: Any) -> int:
    held: Any = getattr(array.dtype, "itemsize", None) or getattr(array.dtype, "size", None) or _ITEM
    each = _ITEM if getattr(array.dtype, "kind", "") == "O" else int(held)
    return int(math.prod(tuple(array.shape))) * each


def _update(digest: Any, values: Any) -> None:
    if not values.dtype.hasobject:
        digest.update(np.ascontiguousarray(values).tobytes())
        return
    for item in values.ravel().tolist():
        # What an object is called may be its place in memory.
        text = repr(item) if isinstance(item, _SIMPLE) else type(item).__name__
        digest.update(f"{len(text)} {text}".encode("utf-8", "surrogatepass"))
