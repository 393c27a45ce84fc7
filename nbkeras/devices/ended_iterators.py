"""Ends the iterators of a strategy aside, because the end of one may take a minute.

An iterator of ``tf.data`` waits at its end for the thread of its optimizer, which sleeps out the time to its
next look, up to a minute, where it was woken too early to see that it is to end: ``Model::OptimizeLoop``
asks ``IsCancelled``, and ``CancellationManager::StartCancel`` wakes it before it says so (TensorFlow 2.21).
Turning the optimizer off helps with a dataset, not with the iterators that a strategy makes for each device,
which take no options. They are parts of cycles, so the wait comes wherever Python happens to collect its
garbage, and on a cluster all workers wait for the one that does: 4 of 40 short fits of 2 workers took 14 to
83 s on 2 cores that had nothing to do. Of 2,800 iterators, 61 took more than a second to end, up to 28 s.

So the resources of each are held here until nobody else does, and end in a thread of their own.
"""

from __future__ import annotations

import _thread
import atexit
import sys
import threading
import time
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds between two looks for resources that nobody uses any more.
_LOOK = 0.5
# References to a resource that nobody else uses: of its list, and of the question.
_OURS = 2
# Seconds that who leaves an iterator waits for its end. Reading ahead has been cancelled by then, so that an
# iterator that is left takes nothing from a generator that another one goes on with.
_FIRST = 0.1
# Seconds that the end of Python waits for those under way. One that comes back to it in the middle of that
# makes it abort ("FATAL: exception not rethrown", Python 3.11: the thread is unwound through C++).
_LAST = 2.0


class _Held:
    """The resources of the iterators that are in use, and the threads in which others end.

    Each resource lies in a list of its own, of which it is taken at once: what leaves an iterator may be a
    collection of garbage in the middle of any line here, so that it can wait for no lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._resources: list[list[Any]] = []
        self._ending: list[threading.Thread] = []
        self._is_watched = False
        self._is_closed = False
        atexit.register(self._close)

    def __len__(self) -> int:
        return len(self._resources)

    def add(self, resources: list[list[Any]]) -> None:
        """Hold the resources of one iterator."""
        with self._lock:
            self._resources += resources
            if not self._is_watched:
                # Where no thread can be had, the next one asks again.
                with suppress(RuntimeError):
                    threading.Thread(target=self._watch, name="nbkeras-iterators", daemon=True).start()
                    self._is_watched = True

    def left(self, resources: list[list[Any]]) -> None:
        """End what is left of an iterator that nobody uses any more; the rest is a part of garbage yet."""
        ended = [] if self._is_closed else _taken(resources)
        if ended:
            try:
                self._end(ended, _FIRST)
            except KeyboardInterrupt:
                # Python drops what is raised in a finalizer.
                threading.Timer(0.01, _thread.interrupt_main).start()

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK)
            with self._lock:
                ended = _taken(self._resources)
                self._resources = [each for each in self._resources if each]
                self._is_watched = bool(self._resources)
            for thread in list(self._ending):
                if not thread.is_alive():
                    self._ending.remove(thread)
            while ended:
                if self._is_closed:
                    # Held until the process is gone: see `_LAST`.
                    threading.Event().wait()
                self._end([ended.pop()])
            if not self._is_watched:
                return

    def _end(self, resources: list[Any], wait: float = 0.0) -> None:
        # Each in a thread: it may wait, and the next ones would get older meanwhile, and wait longer.
        thread = threading.Thread(target=resources.clear, name="nbkeras-iterator-ends", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            resources.clear()
            return
        self._ending.append(thread)
        thread.join(wait)

    def _close(self) -> None:
        # Without the lock, which a child that was forked meanwhile would find taken for ever.
        self._is_closed = True
        end = time.monotonic() + _LAST
        for thread in list(self._ending):
            thread.join(max(0.0, end - time.monotonic()))


_held = _Held()


def end_aside(distributed: Any) -> Any:
    """Return a distributed dataset whose iterators nobody waits for at their end.

    Args:
        distributed: what a strategy made of a dataset. It is given a class that is TensorFlow's own in all
            else, and so are its iterators. What is no distributed dataset stays as it is.
    """
    kind = distributed.__class__
    is_one = isinstance(distributed, sys.modules["tensorflow"].distribute.DistributedDataset)
    if is_one and not hasattr(kind, "nbkeras_ends_aside"):
        distributed.__class__ = _dataset_class(kind)
    return distributed


@cache
def _dataset_class(kind: Any) -> Any:
    class Dataset(kind):  # type: ignore[misc]
        """TensorFlow's, whose iterators are held."""

        nbkeras_ends_aside = True

        def __iter__(self) -> Any:
            iterator = super().__iter__()
            tensorflow = sys.modules["tensorflow"]
            # In a function that is traced, it is the function's.
            if tensorflow.executing_eagerly():
                resources = [[each] for each in tensorflow.nest.flatten(iterator, expand_composites=True)]
                iterator.__class__ = _iterator_class(iterator.__class__)
                iterator.nbkeras_left = partial(_held.left, resources)
                _held.add(resources)
            return iterator

    Dataset.__name__, Dataset.__qualname__ = kind.__name__, kind.__qualname__
    return Dataset


@cache
def _iterator_class(kind: Any) -> Any:
    class Iterator(kind):  # type: ignore[misc]
        """TensorFlow's, which lets go of its resources while these are still held."""

        nbkeras_left: Callable[[], None]

        def __del__(self) -> None:
            left = self.nbkeras_left
            self.__dict__.clear()
            left()

    Iterator.__name__, Iterator.__qualname__ = kind.__name__, kind.__qualname__
    return Iterator


def _taken(resources: list[list[Any]]) -> list[Any]:
    """Take those of the resources out of their lists that nobody else uses."""
    taken: list[Any] = []
    for each in resources:
        # Another thread may take it in between.
        with suppress(IndexError):
            if sys.getrefcount(each[0]) <= _OURS:
                taken += [each.pop()]
    return taken
