"""The frames of all threads, without a deadlock of Python's own."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

# A finalizer may ask, too, in the middle of the lines below.
_lock = threading.RLock()


def thread_frames() -> dict[int, FrameType]:
    """Return the frame that each thread executes, by the threads' numbers.

    `sys._current_frames` makes frame objects while it holds the lock of the list of threads (CPython 3.11.7:
    `_PyThread_CurrentFrames`). The garbage may be collected as it does, and a `threading.local` that is freed
    then waits for that same lock: the process stands still for ever, with the lock of the interpreter.
    So no garbage is collected meanwhile.
    """
    with _lock:
        collects = gc.isenabled()
        try:
            gc.disable()
            return sys._current_frames()  # noqa: SLF001 - CPython's documented way to all threads
        finally:
            if collects:
                gc.enable()
