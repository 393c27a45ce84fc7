"""Learning rates that a range test suggests.

``valley`` is fastai's default; ``steepest`` and a tenth of the minimum are older ones of fastai, for the test
of Smith, Cyclical Learning Rates for Training Neural Networks (2015).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = ("valley", "steepest", "minimum/10")
# As in fastai: at the beginning the average has little to go by, at the end the loss has diverged.
_LAST = 5
_LEAST = 8
# Of the loss: a fall of less is the rounding of 32-bit numbers.
_ROUNDING = 1e-5


def suggestions(rates: Sequence[float], smoothed: Sequence[float], steps: int) -> dict[str, float]:
    """Return the suggested rates by name, none where too few rates were tried or the loss did not fall.

    Example:
        >>> rates = [10 ** (place / 10 - 6) for place in range(60)]
        >>> losses = [1 / (1 + rate * 1000) + rate ** 2 * 50 for rate in rates]
        >>> {name: f"{rate:.0e}" for name, rate in suggestions(rates, losses, 60).items()}
        {'valley': '3e-04', 'steepest': '1e-03', 'minimum/10': '2e-03'}

    Args:
        rates: those that were tried, rising.
        smoothed: the smooth loss at each.
        steps: how many were planned.
    """
    kept = slice(steps // 10, len(rates) - _LAST)
    rates, smoothed = rates[kept], smoothed[kept]
    if len(rates) < _LEAST:
        return {}
    lowest = min(range(len(rates)), key=smoothed.__getitem__)
    if smoothed[0] - smoothed[lowest] <= _ROUNDING * abs(smoothed[0]):
        return {}
    found = (valley(smoothed), steepest(rates, smoothed), lowest)
    return {
        name: rates[place] / (10 if name == NAMES[2] else 1) for name, place in zip(NAMES, found, strict=True)
    }


def valley(losses: Sequence[float]) -> int:
    """Return the place in the middle of the longest fall of a curve.

    The longest fall is the longest part of the values, not necessarily neighbours, in which each is below
    the one before. It is said to begin its length before its end, as in fastai, and a third and half a third
    of it are left behind.

    Example:
        >>> valley([5, 5, 4, 3, 2, 1, 0, 6, 7])
        3
    """
    # The highest last value of falls of each length: a value goes behind the longest that it is below.
    ends: list[float] = []
    longest, end = 0, 0
    for place, loss in enumerate(losses):
        length = bisect_left(ends, -loss)
        ends[length : length + 1] = [-loss]
        if length + 1 > longest:
            longest, end = length + 1, place
    length = min(longest, end)
    return end - length + int(length / 3) + int(length / 6)


def steepest(rates: Sequence[float], losses: Sequence[float]) -> int:
    """Return the place where a curve falls fastest over the logarithm of the rate.

    The slope at a place is that between neighbours a twentieth of the curve away on both sides: single
    batches would decide between nearer ones. Of several that are equal it is the one at the lowest rate.

    Example:
        >>> steepest([0.001, 0.01, 0.1, 1.0], [9, 8, 3, 2])
        1
    """
    away = max(1, len(losses) // 20)
    places = range(away, len(losses) - away)
    return min(
        places,
        key=lambda at: (
            (losses[at + away] - losses[at - away]) / math.log(rates[at + away] / rates[at - away])
        ),
    )
