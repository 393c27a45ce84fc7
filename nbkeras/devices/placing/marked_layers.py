"""Marks in the names of a graph's operations: which layer each belongs to."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MARK = re.compile(r"nbkeras_layer(\d+)_")


@contextmanager
def marking(base: Any, numbers: Mapping[int, int]) -> Iterator[None]:
    """Give the operations of layers names that tell the layer, as long as a block runs.

    Keras's own names don't tell it: a layer that is called twice has two, and layers of two models may have
    the same. Nothing else is changed, and nothing in other threads.

    Args:
        base: the class of all layers of a Keras line; its ``__call__`` is wrapped in the block.
        numbers: the number of each layer by its ``id``.
    """
    import tensorflow as tf

    plain, thread = base.__call__, threading.get_ident()

    def marked(self: Any, *args: Any, **kwargs: Any) -> Any:
        number = numbers.get(id(self))
        if number is None or threading.get_ident() != thread:
            return plain(self, *args, **kwargs)
        with tf.name_scope(f"nbkeras_layer{number}_"):
            return plain(self, *args, **kwargs)

    base.__call__ = marked
    try:
        yield
    finally:
        base.__call__ = plain


def number_in(name: str) -> int | None:
    """Return the number of the innermost marked layer in an operation's name.

    Example:
        >>> number_in("gradient_tape/nbkeras_layer0_/model/nbkeras_layer3_/dense/MatMul"), number_in("AddN")
        (3, None)
    """
    found = _MARK.findall(name)
    return int(found[-1]) if found else None
