"""The first interrupt ends the training, the second one raises.

A stop button of a notebook sends SIGINT to the kernel. While a run is under way its first SIGINT only
asks the run to stop: ``fit`` returns with its ``History`` and the rest of the cell runs. Every later one
in the same cell goes to the handler that stood there before, which raises ``KeyboardInterrupt``.
"""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from nbkeras.callbacks.frames import is_suspended, on_stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from nbkeras.runs.control import Control

STOP_BUTTON = "stop button"
# The view says stop twice: by a message and, 0.4 s later, by an interrupt. So long after the message an
# interrupt is taken for the second half of the same click.
ECHO = 1.0


class InterruptCount:
    """How many interrupts a cell has had; runs of one cell share it."""

    def __init__(self) -> None:
        """Start at none."""
        self.seen = 0


class _Cell(InterruptCount):
    """The count of the cell that is running, if one is."""

    runs = False


_cell = _Cell()


def begin_cell() -> None:
    """Note that a cell begins: its first interrupt is a graceful one."""
    _cell.seen, _cell.runs = 0, True


def end_cell() -> None:
    """Note that a cell has ended: what a widget's button trains now belongs to none."""
    _cell.runs = False


def count_here() -> InterruptCount:
    """Return the count for a run that begins here: the running cell's; outside of cells each has its own."""
    return _cell if _cell.runs else InterruptCount()


class GracefulInterrupt:
    """Holds the SIGINT handler while a run is under way."""

    _echo_until: ClassVar[float] = 0.0
    """Until when the second half of a click is awaited whose run has ended, by `time.monotonic`."""

    def __init__(self, control: Control, count: InterruptCount) -> None:
        """Make a handler for one run; nothing is installed yet."""
        self._control = control
        self._count = count
        self._previous: Any = None
        self._host: FrameType | None = None
        self._echoed = False

    def install(self, host: FrameType | None) -> None:
        """Take over SIGINT while the frame ``host`` is on the stack; without one, leave it alone.

        Only the main thread may set handlers; a ``fit`` in another thread keeps Python's own behaviour.
        A run that dies without a word (an exception in a plain ``fit``) never calls ``remove``: the
        handler then finds that ``host`` is gone and gives SIGINT back by itself.
        """
        if host is None or not _in_main_thread():
            return
        if signal.getsignal(signal.SIGINT) is None:
            # A handler that was not set from Python (a host program's own) could not be given back.
            return
        self._host = host
        self._previous = signal.signal(signal.SIGINT, self._handle)

    def remove(self) -> None:
        """Give SIGINT back to whoever had it before.

        A run that a click on Stop has ended keeps it for the second half of the click, which may be under
        way and is meant for nothing that comes after the run.
        """
        if self._host is None:
            return
        self._host = None
        echo = self._control.stopped_at + ECHO
        if self._awaits_echo() and time.monotonic() < echo:
            self._echoed = True
            GracefulInterrupt._echo_until = echo
        else:
            self._give_back()

    @contextmanager
    def held(self, *, repeat: bool) -> Iterator[None]:
        """Let interrupts wait while the run is closed, and remove the handler.

        An interrupt in the midst of it would leave a run without an end in the log, and a live view in the
        notebook that is saved.

        Args:
            repeat: whether one that came meanwhile is sent again; where an interrupt has ended the run
                already, it would only disturb the end of the cell.
        """
        waiting: list[int] = []

        def wait(number: int, _: FrameType | None) -> None:
            if not self._is_echo():
                waiting.append(number)

        able = _in_main_thread() and signal.getsignal(signal.SIGINT) is not None
        before = signal.signal(signal.SIGINT, wait) if able else None
        try:
            yield
        finally:
            if able and signal.getsignal(signal.SIGINT) is wait:
                signal.signal(signal.SIGINT, before)
            self.remove()
            if waiting and repeat:
                signal.raise_signal(signal.SIGINT)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        goes_on = self._host is not None and on_stack(self._host, frame)
        if self._host is not None and not goes_on and not is_suspended(self._host):
            self.remove()
        if (goes_on or self._host is None) and self._is_echo():
            return
        if goes_on and self._stops_the_run():
            return
        if self._host is None:
            self._give_back()
        previous = self._previous
        if callable(previous):
            previous(number, frame)
        elif previous != signal.SIG_IGN:
            raise KeyboardInterrupt

    def _give_back(self) -> None:
        # Who set a handler after us keeps it. Ours may be what they go back to, so it stays good for
        # passing interrupts on.
        if _in_main_thread() and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, self._previous)

    def _awaits_echo(self) -> bool:
        return self._control.stop_reason == STOP_BUTTON and not self._echoed

    def _is_echo(self) -> bool:
        """Whether an interrupt is the second half of a click, on this run or on one before it."""
        now = time.monotonic()
        if now < GracefulInterrupt._echo_until:
            GracefulInterrupt._echo_until = 0.0
            return True
        if not self._awaits_echo():
            return False
        self._echoed = True
        # Python hears signals between its own steps: of a batch that takes long, after it.
        return self._control.pending or now - self._control.stopped_at < ECHO

    def _stops_the_run(self) -> bool:
        self._count.seen += 1
        if self._count.seen > 1:
            return False
        self._control.stop("interrupt")
        return True


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
