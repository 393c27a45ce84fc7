"""Numbers that a schedule is given, refused where they can't be meant."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from nbkeras.runtime.refusal import Refusal


def positive(value: Any, name: str) -> float:
    """Return a number above 0.

    Raises:
        Refusal: when it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise Refusal(f"{name}: expected a number above 0, received {value!r}: give  {name}=0.001, say")
    return float(value)


def share(value: Any, name: str) -> float:
    """Return a number between 0 and 1.

    Raises:
        Refusal: when it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise Refusal(f"{name}: expected a number between 0 and 1, received {value!r}: give  {name}=0.25")
    return float(value)


def counted(value: Any, name: str) -> int:
    """Return a whole number above 0.

    Raises:
        Refusal: when it is none.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
        raise Refusal(f"{name}: expected a whole number of 1 or more, received {value!r}: give  {name}=10")
    return int(value)
