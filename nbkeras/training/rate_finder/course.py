"""How the loss goes while the learning rate rises: each rate's loss, a smooth curve of them, when to stop."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

# So many times its lowest value: the loss has diverged.
DIVERGED = 4.0

clock = time.monotonic


def rising(start: float, end: float, steps: int) -> list[float]:
    """Return rates from the first to the last, each the same factor above the one before.

    Example:
        >>> [f"{rate:g}" for rate in rising(0.001, 1.0, 4)]
        ['0.001', '0.01', '0.1', '1']
    """
    return [start * (end / start) ** (place / (steps - 1)) for place in range(steps)]


@dataclass(slots=True)
class Course:
    """What a range test has come to so far.

    The smooth curve is an exponential moving average, divided by the weight that it has so far: without that
    it would begin at nothing. So do fastai's ``AvgSmoothLoss`` and, for gradients, Kingma and Ba (2014).

    Attributes:
        planned: the rates to be tried, rising.
        smoothing: the weight of the past in the smooth curve, from 0 to below 1.
        end: what `clock` says when no further batch shall begin.
        losses: of each batch so far.
        smoothed: the smooth curve at each of them.
        why: why it ended, ``""`` while it goes on.
    """

    planned: list[float]
    smoothing: float
    end: float
    losses: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)
    why: str = ""
    _average: float = 0.0

    @property
    def rates(self) -> list[float]:
        """The rates that have a loss."""
        return self.planned[: len(self.losses)]

    @property
    def next_rate(self) -> float:
        """The rate of the batch that comes now."""
        return self.planned[min(len(self.losses), len(self.planned) - 1)]

    def add(self, loss: float) -> bool:
        """Take the loss of a batch; tell whether the test goes on."""
        if not math.isfinite(loss):
            self.why = f"the loss was {loss} at {self.next_rate:.1e}"
            return False
        self.losses.append(loss)
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        self.smoothed.append(self._average / (1 - self.smoothing ** len(self.losses)))
        lowest = min(self.smoothed)
        # Four times the lowest; a loss may be below zero.
        if self.smoothed[-1] > lowest + (DIVERGED - 1) * abs(lowest):
            self.why = f"the loss diverged at {self.rates[-1]:.1e}"
        elif len(self.losses) == len(self.planned):
            self.why = "all rates were tried"
        elif clock() >= self.end:
            self.why = f"the time was over at {self.rates[-1]:.1e}"
        return not self.why
