"""A generator of which nothing is lost to those who read ahead before a training begins."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


def held_until(begun: threading.Event, batches: Iterator[Any]) -> Generator[Any, None, None]:
    """Give the batches of a generator; to other threads, until a training has begun, the last one again.

    Under a ``tf.distribute`` strategy Keras 3 makes an iterator only to learn the shapes of a first batch,
    and drops it. ``tf.data`` reads ahead for it, in threads of its own, and a generator can't be begun again:
    of 6 batches 2 or 3 were trained on (Keras 3.15.1, TensorFlow 2.21). The first batches of all, which Keras
    looks at in its own thread, it keeps by itself.

    Example:
        >>> begun = threading.Event()
        >>> given = held_until(begun, iter("abc"))
        >>> next(given)
        'a'
        >>> begun.set()
        >>> list(given)
        ['b', 'c']

    Args:
        begun: set while the training takes batches.
        batches: the generator.
    """
    caller, last = threading.get_ident(), None
    for last in batches:
        yield last
        while not begun.is_set() and threading.get_ident() != caller:
            yield last
