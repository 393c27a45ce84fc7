"""A worker's signs of life: once a second, from a thread of its own, while it is asked for something."""

from __future__ import annotations

import dis
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.wire import tell
from nbkeras.runs import registry
from nbkeras.runtime import hardware
from nbkeras.runtime.thread_frames import thread_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

# Seconds between two signs of life.
BEAT = 1.0


class Beats:
    """The thread that tells how a worker is."""

    def __init__(self) -> None:
        """Start it; it is silent until a cell runs."""
        self._running = threading.Event()
        self._in_cell = False
        self._earlier = 0
        self._main = threading.main_thread().ident
        threading.Thread(target=self._beat, name="nbkeras-beats", daemon=True).start()

    def cell_began(self) -> None:
        """Tell from now on."""
        self._earlier = len(registry.live_runs())
        self._in_cell = True
        self._running.set()

    def cell_ended(self) -> None:
        """Tell a last time, then be silent."""
        self._in_cell = False
        self._running.clear()
        tell(beat=self._signs())

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Tell while something beside a cell is done, which may begin or end one."""
        self._running.set()
        try:
            yield
        finally:
            if not self._in_cell:
                self._running.clear()

    def _beat(self) -> None:
        pause = threading.Event()
        while True:
            self._running.wait()
            tell(beat=self._signs())
            pause.wait(BEAT)

    def _signs(self) -> dict[str, Any]:
        frames = thread_frames()
        # This very frame would hold itself by them, and so the locals of a `fit` in the main thread, with its
        # data, until the garbage is collected.
        frames.pop(threading.get_ident(), None)
        main = frames.pop(self._main or 0, None)
        # A generator of the user's is asked for its next batch in a thread of TensorFlow's, while the
        # main thread executes.
        feeding = next((each for each in frames.values() if _line_of_cell(each)), None)
        frame = feeding or main
        runs = registry.live_runs()
        progress = runs[-1].progress if len(runs) > self._earlier else None
        return {
            "place": _line_of_cell(frame) or _line_of_cell(main),
            "waits": feeding is None and _executes(main),
            "frees": feeding is None and _frees(main),
            "stack": _digest(frame),
            "busy": _seconds_of(self._main),
            "done": None if progress is None else progress.done,
            "rate": None if progress is None else progress.step_rate,
            "memory": hardware.process_memory(),
        }


def _seconds_of(thread: int | None) -> float | None:
    """Return how long a thread has computed; None where the system does not tell (macOS)."""
    if thread is None or not hasattr(time, "pthread_getcpuclockid"):
        return None
    return time.clock_gettime(time.pthread_getcpuclockid(thread))


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _line_of_cell(frame: FrameType | None) -> int:
    """Return the innermost line of a cell on a stack, 0 where there is none."""
    cells = (each.f_lineno for each in _stack(frame) if "ipykernel_" in each.f_code.co_filename)
    return next(cells, 0)


def _executes(frame: FrameType | None) -> bool:
    """Tell whether TensorFlow executes: there a worker waits for its peers."""
    for each in _stack(frame):
        name = each.f_code.co_filename.replace("\\", "/")
        # Values of several replicas are reduced in a pool of threads, for which the main one waits.
        if name.endswith(("/threading.py", "/multiprocessing/pool.py")):
            continue
        return "/tensorflow/python/" in name
    return False


def _frees(frame: FrameType | None) -> bool:
    """Tell whether a dataset may be under way to its end: by Keras itself, or by a line that calls nothing.

    The end of an iterator of ``tf.data`` may take a minute (see `nbkeras.devices.ended_iterators`, by which
    those of a strategy take none). One that a cell makes itself, or a layer's ``adapt``, still waits for it.
    """
    if frame is None:
        return False
    name = frame.f_code.co_filename.replace("\\", "/")
    if "/keras/src/" in name or "/tf_keras/src/" in name:
        return True
    instruction = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return "CALL" not in instruction


def _digest(frame: FrameType | None) -> int:
    return hash(tuple((id(each.f_code), each.f_lineno) for each in _stack(frame)))
