"""The runs that are being written, and what becomes of those that nobody closes.

A plain ``fit`` that raises, or a loop that is left by an error, tells its recorder nothing. What can be
seen is that the frame in which the training ran is on no stack any more, and is no generator's that waits.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from nbkeras.callbacks.frames import is_alive

if TYPE_CHECKING:
    from types import FrameType


class OpenRun(Protocol):
    """Whoever writes a run."""

    host: FrameType | None

    def fail(self, error: BaseException | None) -> None:
        """Close the run; without an error, nobody knows why its training was left."""


_open: dict[OpenRun, int] = {}
"""Each with the thread in which its training runs."""


def opened(run: OpenRun) -> None:
    """Note that a run is being written."""
    _open[run] = threading.get_ident()


def closed(run: OpenRun) -> None:
    """Note that a run is closed."""
    _open.pop(run, None)


def close_abandoned(error: BaseException | None) -> None:
    """Close the runs whose training is not being executed any more, in whatever thread, and will not go on.

    Args:
        error: what ended this thread's cell, None when nothing did; it says nothing of other threads.
    """
    here = threading.get_ident()
    for run, thread in tuple(_open.items()):
        if run.host is not None and not is_alive(run.host):
            run.fail(error if thread == here else None)
