"""What a user asks of a run that is under way."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass

from nbkeras.runtime.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Commands:
    """What changed since the last `Control.take`.

    Attributes:
        stop: The run is to end; stays True once asked for.
        learning_rate: The rate to set now, or None.
        snapshot: A view wants the whole picture at the next tick.

    """

    stop: bool
    learning_rate: float | None
    snapshot: bool


class Control:
    """The wishes for one run: set by any thread, carried out at the end of a batch.

    `pending` is a plain attribute, so that a batch on which nobody wants
    anything pays for one read. All methods may be called from a signal handler.

    Example:
        >>> from nbkeras.runs.control import Control
        >>> control = Control()
        >>> control.set_learning_rate(0.01)
        >>> control.pending
        True
        >>> control.take()
        Commands(stop=False, learning_rate=0.01, snapshot=False)
        >>> control.pending
        False

    """

    __slots__ = (
        "_learning_rate",
        "_lock",
        "_paused",
        "_snapshot",
        "_stop_reason",
        "_stopped_at",
        "_stopping",
        "_wake",
        "pending",
    )

    def __init__(self) -> None:
        """Start with no wish at all."""
        self.pending = False
        self._stopping = False
        self._stop_reason = ""
        self._stopped_at = 0.0
        self._paused = False
        self._learning_rate: float | None = None
        self._snapshot = False
        # Re-entrant: an interrupt's handler may run inside any of these methods.
        self._lock = threading.RLock()
        # Held but for the moment of a wake-up: a waiter acquires it with a timeout. A plain lock
        # can be released inside a signal handler, which Condition and Event do not promise.
        self._wake = threading.Lock()
        self._wake.acquire()

    @property
    def stopping(self) -> bool:
        """Whether the run is to end."""
        return self._stopping

    @property
    def stop_reason(self) -> str:
        """Who asked for the end first, "" before."""
        return self._stop_reason

    @property
    def stopped_at(self) -> float:
        """When the end was first asked for, in seconds of `time.monotonic`."""
        return self._stopped_at

    @property
    def paused(self) -> bool:
        """Whether the run is to wait."""
        return self._paused

    def stop(self, reason: str = "stop button") -> None:
        """Ask for an early end; the first reason given is kept, and a pause is over."""
        with self._lock:
            if not self._stopping:
                self._stop_reason = reason
                self._stopped_at = time.monotonic()
            self._stopping = True
            self._paused = False
            self.pending = True
        self._wake_up()

    def pause(self) -> None:
        """Ask the run to wait after this batch; a run that is to stop does not pause."""
        with self._lock:
            if not self._stopping:
                self._paused = True
                self.pending = True

    def resume(self) -> None:
        """Let a paused run go on."""
        with self._lock:
            self._paused = False
            self.pending = True
        self._wake_up()

    def set_learning_rate(self, value: float) -> None:
        """Ask for another learning rate from the next batch on.

        Args:
            value: A finite number above 0.

        Raises:
            Refusal: When the value is no such number.

        """
        try:
            rate = float(value)
        except (TypeError, ValueError):
            rate = math.nan
        if not (math.isfinite(rate) and rate > 0):
            raise Refusal(f"the learning rate must be a number above 0, such as 0.001, not {value!r}")
        with self._lock:
            self._learning_rate = rate
            self.pending = True

    def request_snapshot(self) -> None:
        """Ask for the whole picture at the next tick, for a view that missed something."""
        with self._lock:
            self._snapshot = True
            self.pending = True

    def take(self) -> Commands:
        """Hand over what is asked for, and forget what needs doing only once."""
        with self._lock:
            self.pending = False
            commands = Commands(self._stopping, self._learning_rate, self._snapshot)
            self._learning_rate = None
            self._snapshot = False
        return commands

    def wait_while_paused(self, timeout: float) -> bool:
        """Wait until the run may go on, at most so long; signals are handled meanwhile.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether the run is still to wait.

        """
        end = time.monotonic() + timeout
        while self._paused:
            left = end - time.monotonic()
            if left <= 0:
                return True
            self._wake.acquire(timeout=left)
        return False

    def _wake_up(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            return  # Released already: the waiter has yet to see the last wake-up.
