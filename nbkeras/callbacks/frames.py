"""Whether the code of a frame still runs, or will go on."""

from __future__ import annotations

import gc
import inspect
import sys
import threading
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING

from nbkeras.runtime.thread_frames import thread_frames

if TYPE_CHECKING:
    from types import FrameType

_CAN_BE_SUSPENDED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def is_alive(frame: FrameType) -> bool:
    """Tell whether a frame is being executed in any thread, or waits in a generator to go on."""
    return on_any_stack(frame) or is_suspended(frame)


def on_stack(wanted: FrameType, frame: FrameType | None) -> bool:
    """Tell whether a frame is ``frame`` or one that waits for it."""
    while frame is not None:
        if frame is wanted:
            return True
        frame = frame.f_back
    return False


def inside_fit() -> bool:
    """Tell whether a hook that asks was called while Keras makes the list of callbacks of a ``fit``."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - CPython's documented way to a frame
    for _ in range(4):
        if frame is None:
            return False
        if frame.f_code.co_name == "fit":
            return True
        frame = frame.f_back
    return False


def on_any_stack(wanted: FrameType) -> bool:
    """Tell whether a frame is being executed in any thread."""
    frames = thread_frames()
    # This very frame would hold itself by them, and with it all others with the data in their variables,
    # until the garbage is collected.
    del frames[threading.get_ident()]
    here = sys._getframe(1)  # noqa: SLF001 - CPython's documented way to a frame
    return on_stack(wanted, here) or any(on_stack(wanted, each) for each in frames.values())


def is_suspended(frame: FrameType) -> bool:
    """Tell whether a frame is the one of a generator or coroutine that has not come to its end.

    A frame does not say whether it waits or has returned; its generator does, which lets go of it at the
    end. Looking for it takes some milliseconds in a large process, and other frames need no look.
    """
    if not frame.f_code.co_flags & _CAN_BE_SUSPENDED:
        return False
    return any(_frame_of(owner) is frame for owner in gc.get_referrers(frame))


def _frame_of(owner: object) -> FrameType | None:
    if isinstance(owner, GeneratorType):
        return owner.gi_frame
    if isinstance(owner, CoroutineType):
        return owner.cr_frame
    return owner.ag_frame if isinstance(owner, AsyncGeneratorType) else None
