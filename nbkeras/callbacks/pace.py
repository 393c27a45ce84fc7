"""How fast a run goes and how long it will still take."""

from __future__ import annotations

# Seconds over which the step rate is smoothed: long enough to be read, short enough to show a change.
SMOOTHING = 3.0


class Pace:
    """Step rate and remaining time, from what a run says of its steps and epochs.

    All times are seconds of training: the caller leaves pauses out. The first step that it hears of is left
    out too, because it holds the tracing of the graph.
    """

    def __init__(self) -> None:
        """Start with nothing known."""
        self.step_rate: float | None = None
        self._rate_at: tuple[float, int] | None = None
        self._has_stepped = False
        self._epoch_started = 0.0
        self._epoch_seconds: float | None = None

    def epoch_began(self, elapsed: float, done: int) -> None:
        """Note that an epoch begins after ``done`` steps; the validation before it is left out."""
        self._epoch_started = elapsed
        self._rate_at = (elapsed, done) if self._has_stepped else None

    def epoch_ended(self, elapsed: float) -> None:
        """Note that an epoch ended, its validation included."""
        seconds = elapsed - self._epoch_started
        # Later epochs tell more than the first one, which holds the tracing.
        last = self._epoch_seconds
        self._epoch_seconds = seconds if last is None else 0.3 * min(last, seconds) + 0.7 * seconds

    def stepped(self, elapsed: float, done: int) -> None:
        """Note that ``done`` steps are done after ``elapsed`` seconds."""
        self._has_stepped = True
        if self._rate_at is None:
            self._rate_at = (elapsed, done)
            return
        since, before = self._rate_at
        seconds = elapsed - since
        if seconds <= 0 or done <= before:
            return
        rate = (done - before) / seconds
        weight = min(1.0, seconds / SMOOTHING)
        self.step_rate = rate if self.step_rate is None else self.step_rate + weight * (rate - self.step_rate)
        self._rate_at = (elapsed, done)

    def remaining(self, elapsed: float, epochs_left: int | None, steps_left: int | None) -> float | None:
        """Return the seconds that are left, None while it cannot be said.

        Args:
            elapsed: seconds since the run began.
            epochs_left: epochs after this one, None when endless.
            steps_left: steps left in this epoch, None when unknown.
        """
        if epochs_left is None:
            return None
        if self._epoch_seconds is not None:
            this = max(0.0, self._epoch_seconds - (elapsed - self._epoch_started))
            return this + epochs_left * self._epoch_seconds
        if steps_left is None or not self.step_rate:
            return None
        if epochs_left == 0:
            return steps_left / self.step_rate
        return None
