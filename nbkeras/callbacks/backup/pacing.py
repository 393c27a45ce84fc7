"""When the next backup is due."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from nbkeras.runtime.durations import format_duration, parse_duration
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT = "30s"
# A backup that took a second is followed by 19 seconds of training at least: 1/20 of the time.
SPARED = 19.0


@dataclass(frozen=True, slots=True)
class Every:
    """How often a training is backed up: one of the three.

    Attributes:
        epochs: at the end of each epoch.
        steps: after so many steps.
        seconds: after so much time, at the end of a step.
    """

    epochs: bool = False
    steps: int | None = None
    seconds: float | None = None

    @property
    def text(self) -> str:
        """What is said of it: ``every 30s``."""
        if self.epochs:
            return "at the end of each epoch"
        if self.steps is not None:
            return "after each step" if self.steps == 1 else f"every {self.steps} steps"
        return f"every {format_duration(self.seconds or 0.0)}"


def parse_every(value: str | int | timedelta) -> Every:
    """Read ``"epoch"``, a number of steps, or a time such as ``"30s"``.

    Raises:
        Refusal: when it is none of them.
    """
    if isinstance(value, timedelta):
        return Every(seconds=parse_duration(value, option="every"))
    text = str(value).strip().lower()
    if text == "epoch":
        return Every(epochs=True)
    if not isinstance(value, bool) and text.isdecimal() and int(text) > 0:
        return Every(steps=int(text))
    if isinstance(value, str) and text[-1:] in {"s", "m", "h", "d"}:
        try:
            return Every(seconds=parse_duration(text, option="every"))
        except Refusal:
            pass
    raise Refusal(
        f"every: expected  epoch , a number of steps or a time such as 30s, received {value!r}: "
        f"give  {DEFAULT}"
    )


class Due:
    """Says whether a backup is due.

    Args:
        every: how often.
        clock: seconds, ever rising.
    """

    def __init__(self, every: Every, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin to count."""
        self._every = every
        self._clock = clock
        self._since = 0
        self._steps = 0
        self._at = clock() + (every.seconds or 0.0)

    def after_step(self, done: int) -> bool:
        """Tell whether one is due after so many steps of the run."""
        if self._every.seconds is not None:
            return self._clock() >= self._at
        self._steps = done
        return self._every.steps is not None and done - self._since >= self._every.steps

    def after_epoch(self) -> bool:
        """Tell whether one is due at the end of an epoch."""
        return self._every.epochs or (self._every.seconds is not None and self._clock() >= self._at)

    def saved(self, done: int, cost: float) -> None:
        """Note a backup after so many steps, and the seconds that it took."""
        self._since = done - done % (self._every.steps or 1)
        self._at = self._clock() + max(self._every.seconds or 0.0, SPARED * cost)
