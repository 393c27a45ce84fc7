"""Numbers, times and counts as a reader wants them, the same in every view."""

from __future__ import annotations

import math
import time

from nbkeras.runtime.durations import format_duration

MISSING = "-"
_SMALL = 1e-3
_TINY_TICK = 1e-4
_MINUTE = 60


def value(number: float | None) -> str:
    """Return a metric's value: four decimals as Keras writes them, fewer for large numbers.

    Example:
        >>> value(0.12345), value(12345.6), value(3.2e-7), value(float("nan")), value(None)
        ('0.1235', '12,346', '3.200e-7', 'NaN', '-')
    """
    if number is None:
        return MISSING
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    size = abs(number)
    if 0 < size < _SMALL:
        return _plain_exponent(f"{number:.3e}")
    for limit, places in ((1e2, 4), (1e4, 2), (1e7, 0)):
        if size < limit:
            return f"{number:,.{places}f}"
    return _plain_exponent(f"{number:.3e}")


def count(number: int) -> str:
    """Return a count with thousands marked.

    Example:
        >>> count(1234567)
        '1,234,567'
    """
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """Return a count with its noun.

    Example:
        >>> plural(1, "epoch"), plural(2000, "step")
        ('1 epoch', '2,000 steps')
    """
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}s"


def seconds(duration: float | None) -> str:
    """Return a duration in words of one or two units.

    Example:
        >>> seconds(0.25), seconds(7.44), seconds(192), seconds(None)
        ('0.25s', '7.4s', '3m 12s', '-')
    """
    if duration is None or not math.isfinite(duration):
        return MISSING
    if duration < 1:
        return f"{duration:.2f}s"
    if duration < _MINUTE:
        return f"{duration:.1f}s"
    return format_duration(duration)


def moment(unix: float) -> str:
    """Return a time of day on this machine's clock, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(unix))


def tick(number: float, step: float) -> str:
    """Return the label of an axis tick whose neighbours are ``step`` away.

    Example:
        >>> tick(0.30000000000000004, 0.1), tick(20000, 10000), tick(2e-7, 1e-7)
        ('0.3', '20k', '2e-7')
    """
    if number == 0:
        return "0"
    size = max(abs(number), step)
    for limit, unit, mark in ((1e15, 0, ""), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if size >= limit:
            return _short(number) if not unit else f"{_fixed(number / unit, step / unit)}{mark}"
    return _short(number) if size < _TINY_TICK else _fixed(number, step)


def _fixed(number: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    # A step of 2.5 needs one place more than its power of ten says.
    if abs(round(step, places) - step) > step * 1e-6:
        places += 1
    return f"{number:.{places}f}"


def _short(number: float) -> str:
    text = f"{number:.3g}" if abs(number) >= _TINY_TICK else f"{number:.2e}"
    return _plain_exponent(text, trim=True)


def _plain_exponent(text: str, *, trim: bool = False) -> str:
    mantissa, mark, exponent = text.partition("e")
    if not mark:
        return text
    if trim and "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"
