"""Times as people type them: ``90``, ``10m``, ``1h30m``."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from numbers import Real

from nbkeras.runtime.refusal import Refusal

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])")


def parse_duration(value: object, *, option: str) -> float:
    """Return a duration in seconds.

    Args:
        value: seconds as a number, a ``timedelta``, or text such as ``"90"``, ``"30s"``, ``"1h30m"``.
        option: the option's name, for the refusal.

    Raises:
        Refusal: when the value is no duration, or not longer than nothing.
    """
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = _seconds(value.strip().lower())
    else:
        seconds = float(value) if not isinstance(value, bool) and isinstance(value, Real) else math.nan
    if not 0 < seconds < math.inf:
        mend = f"type  {option} 10m" if option.startswith("--") else f"give  {option}='10m'"
        text = f"{option}: expected a time such as 90s, 10m or 1h30m, received {value!r}: {mend}"
        raise Refusal(text)
    return seconds


def format_duration(seconds: float) -> str:
    """Return a duration as short text: ``45s``, ``10m``, ``1h 30m``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{hours}h"] * (hours > 0) + [f"{minutes}m"] * (minutes > 0) + [f"{rest}s"] * (rest > 0)
    return " ".join(parts) or f"{seconds:.3g}s"


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return -1.0
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
