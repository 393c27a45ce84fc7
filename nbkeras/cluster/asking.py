"""Hands the wishes of the notebook's views on to the workers, one after the other."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nbkeras.cluster.commands import LEARNING_RATE, PAUSE, RESUME, STOP, number_of
from nbkeras.runtime.durations import format_duration

if TYPE_CHECKING:
    from nbkeras.cluster.commands import Commands
    from nbkeras.runs.run import Run


class Asking:
    """What the workers were asked for of one run."""

    def __init__(self, run: Run, commands: Commands, max_time: float | None = None) -> None:
        """Begin with a run of which nothing was asked yet.

        Args:
            run: the run, as the notebook shows it.
            commands: the way to its workers.
            max_time: seconds after which it is to stop. Default None: never.
        """
        self._run = run
        self._commands = commands
        self._max_time = max_time
        self._queue: deque[tuple[int, float]] = deque()
        self._stopped = False
        self._paused = False

    def look(self) -> None:
        """Hand on what is new."""
        run, control = self._run, self._run.control
        limit = self._max_time
        if limit is not None and run.progress.elapsed >= limit and not control.stopping:
            control.stop(f"time limit of {format_duration(limit)}")
        if control.pending:
            wishes = control.take()
            if wishes.learning_rate is not None:
                self._queue.append((LEARNING_RATE, wishes.learning_rate))
            if wishes.snapshot:
                run.tick(snapshot=True)
        if control.stopping and not self._stopped:
            self._stopped = True
            self._queue.append((STOP, 0.0))
        elif control.paused != self._paused and not self._stopped:
            self._paused = control.paused
            self._queue.append((PAUSE if self._paused else RESUME, 0.0))
        # The next one only when rank 0 has seen the last: there is room for one.
        if self._queue and self._commands.asked_number == self._commands.decided_number:
            self._commands.ask(*self._queue.popleft(), number_of(run.id))
