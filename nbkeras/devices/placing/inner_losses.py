"""The losses that a layer, or a layer in it, adds while it is called."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Where the two Keras lines keep them (Keras 3.15, tf_keras 2.21): neither has a public way to exchange one.
_LISTS = ("_losses", "_eager_losses")


class LossesOfOneCall:
    """The losses of a call that begins now, to be exchanged for the same ones with another gradient."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._before = {id(held): len(held) for held in _lists(layer)}

    def added(self) -> list[Any]:
        """Return the losses that came since."""
        return [held[number] for held, number in self._places()]

    def replace(self, losses: Sequence[Any]) -> None:
        """Put others in the places of those that came."""
        for (held, number), loss in zip(self._places(), losses, strict=True):
            held[number] = loss

    def _places(self) -> list[tuple[list[Any], int]]:
        tf = sys.modules["tensorflow"]
        graph = None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
        # A Sequential of tf_keras that builds itself in the call leaves losses of the graph that it used.
        return [
            (held, number)
            for held in _lists(self._layer)
            for number in range(self._before.get(id(held), 0), len(held))
            if tf.is_tensor(held[number]) and getattr(held[number], "graph", None) is graph
        ]


@contextmanager
def kept_losses(layer: Any) -> Iterator[None]:
    """Put back the losses that a layer, and the layers in it, have of their last call."""
    before = [list(held) for held in _lists(layer)]
    try:
        yield
    finally:
        # tf_keras makes new lists in a call.
        for held, losses in zip(_lists(layer), before, strict=True):
            held[:] = losses


def _lists(layer: Any) -> list[list[Any]]:
    layers = layer._flatten_layers()  # noqa: SLF001 - of both Keras lines
    lists = [getattr(each, name, None) for each in layers for name in _LISTS]
    return [held for held in lists if isinstance(held, list)]
