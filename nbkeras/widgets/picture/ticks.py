"""Where the ticks of an axis stand: round numbers, whole epochs, decades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals

if TYPE_CHECKING:
    from collections.abc import Iterable

# Beyond this the difference of two values is no longer a float.
_HUGE = 1e300
# Values over more than so many decades are drawn on a log scale.
_DECADES = 3
_MOST_POWERS = 7


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from ``low`` to ``high`` with its ticks.

    Attributes:
        low: the value at the axis's start.
        high: the value at its end, always greater than ``low``.
        log: whether distances are logarithmic (both ends are positive then).
        ticks: pairs of a value and its label.
    """

    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def place(self, number: float) -> float:
        """Return where a value stands: 0 at the start, 1 at the end."""
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return (math.log10(number) - low) / (high - low)
        return (number - self.low) / (self.high - self.low)


def drawable(number: float) -> bool:
    """Return whether a value has a place on an axis (no NaN, nothing near infinity)."""
    return math.isfinite(number) and abs(number) < _HUGE


def value_axis(values: Iterable[float], goal: int = 5) -> Axis:
    """Return the axis for metric values: logarithmic when positive values span over 3 decades.

    Example:
        >>> value_axis([0.1, 0.92]).ticks[0]
        (0.0, '0')
        >>> value_axis([1e-5, 1.0]).log
        True
    """
    finite = [number for number in values if drawable(number)]
    if not finite:
        return Axis(0.0, 1.0, log=False, ticks=())
    low, high = min(finite), max(finite)
    if low > 0 and math.log10(high) - math.log10(low) > _DECADES:
        return _decades(low, high, goal)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        low, high = low - room, high + room
    step = _step((high - low) / goal)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    ticks = tuple((number * step, numerals.tick(number * step, step)) for number in range(first, last + 1))
    return Axis(ticks[0][0], ticks[-1][0], log=False, ticks=ticks)


def count_axis(low: float, high: float, goal: int = 6) -> Axis:
    """Return the axis for epochs or steps, its ticks on whole numbers.

    Example:
        >>> [label for _, label in count_axis(1, 20).ticks]
        ['5', '10', '15', '20']
    """
    if low == high:
        return Axis(low - 0.5, high + 0.5, log=False, ticks=((low, numerals.tick(low, 1)),))
    step = max(1.0, _step((high - low) / goal, (1, 2, 5)))
    first, last = math.ceil(low / step), math.floor(high / step)
    ticks = tuple((number * step, numerals.tick(number * step, step)) for number in range(first, last + 1))
    return Axis(low, high, log=False, ticks=ticks)


def power_axis(low: float, high: float, base: int = 10) -> Axis:
    """Return a logarithmic axis from one value to another, with ticks at powers.

    Example:
        >>> [label for _, label in power_axis(3e-4, 2.0).ticks]
        ['0.001', '0.01', '0.1', '1']
        >>> [label for _, label in power_axis(8, 64, base=2).ticks]
        ['8', '16', '32', '64']
    """
    if low == high:
        low, high = low / base, high * base
    first, last = math.ceil(math.log(low, base) - 1e-9), math.floor(math.log(high, base) + 1e-9)
    every = math.ceil((last - first + 1) / _MOST_POWERS)
    powers = [float(base) ** power for power in range(first, last + 1, every)]
    return Axis(low, high, log=True, ticks=tuple((power, numerals.tick(power, power)) for power in powers))


def _step(rough: float, choices: tuple[float, ...] = (1, 2, 2.5, 5)) -> float:
    power = float(10.0 ** math.floor(math.log10(rough)))
    return next((choice * power for choice in choices if choice * power >= rough * 0.999), 10 * power)


def _decades(low: float, high: float, goal: int) -> Axis:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = math.ceil((last - first) / goal)
    last = first + every * math.ceil((last - first) / every)
    powers = [10.0**power for power in range(first, last + 1, every)]
    ticks = tuple((power, numerals.tick(power, power)) for power in powers)
    return Axis(10.0**first, 10.0**last, log=True, ticks=ticks)
