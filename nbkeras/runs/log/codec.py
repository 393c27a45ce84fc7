"""Series as bytes: exact, and small where the numbers allow it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A blob begins with a letter that says what follows, little endian.
_STRIDE = b"r"  # int64 first step, int64 distance: evenly spaced steps
_GAPS = {b"1": "<u1", b"2": "<u2", b"4": "<u4"}  # int64 first step, then the distances
_STEPS = b"q"  # int64 steps
_HALF = b"f"  # float32 values, when that loses nothing: Keras computes in float32
_VALUES = b"d"  # float64 values


def encode_steps(steps: NDArray[np.int64]) -> bytes:
    """Pack one or more steps."""
    gaps = np.diff(steps)
    first = int(gaps[0]) if len(gaps) else 0
    if (gaps == first).all():
        return _STRIDE + np.array([steps[0], first], "<i8").tobytes()
    low, high = int(gaps.min()), int(gaps.max())
    for letter, kind in _GAPS.items():
        if low >= 0 and high <= np.iinfo(kind).max:
            return letter + steps[:1].astype("<i8").tobytes() + gaps.astype(kind).tobytes()
    return _STEPS + steps.astype("<i8").tobytes()


def decode_steps(blob: bytes, count: int) -> NDArray[np.int64]:
    """Unpack so many steps."""
    letter = blob[:1]
    if letter == _STEPS:
        return np.frombuffer(blob, "<i8", offset=1).astype(np.int64)
    if letter == _STRIDE:
        first, distance = np.frombuffer(blob, "<i8", offset=1).tolist()
        even: NDArray[np.int64] = first + distance * np.arange(count, dtype=np.int64)
        return even
    steps = np.empty(count, np.int64)
    steps[0] = np.frombuffer(blob, "<i8", count=1, offset=1)[0]
    np.cumsum(np.frombuffer(blob, _GAPS[letter], offset=9), out=steps[1:])
    steps[1:] += steps[0]
    return steps


def encode_values(values: NDArray[np.float64]) -> bytes:
    """Pack values; NaN and infinity are values too."""
    with np.errstate(over="ignore"):  # Too large for a float32: then it is no equal either.
        half = values.astype("<f4")
    if np.array_equal(half.astype(np.float64), values, equal_nan=True):
        return _HALF + half.tobytes()
    return _VALUES + values.astype("<f8").tobytes()


def decode_values(blob: bytes) -> NDArray[np.float64]:
    """Unpack values."""
    kind = "<f4" if blob[:1] == _HALF else "<f8"
    return np.frombuffer(blob, kind, offset=1).astype(np.float64)
