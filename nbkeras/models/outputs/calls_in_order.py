"""The calls of layers while a model is called, in the order in which they were written."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.models.graph_calls import graph_calls
from nbkeras.runtime.keras_lines import is_model

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# Where a call stands among those of the same layer: a pair for each layer around it.
_Place = tuple[tuple[int, int], ...]


class CallsInOrder:
    """What layers return while a model is called.

    Keras computes a graph in an order that follows from its outputs. Of two calls of a layer in it, the
    first one here is the one that was written first, as the first of the layer's nodes is.

    Args:
        watched: the ids of the layers.
    """

    def __init__(self, watched: Collection[int]) -> None:
        self._watched = watched
        self._calls: dict[int, list[tuple[_Place, Any]]] = {}

    def of(self, layer: Any) -> list[Any]:
        """Return what the calls of a layer have returned."""
        return [returned for _, returned in sorted(self._calls.get(id(layer), []), key=lambda call: call[0])]

    def uses(self, layer: Any) -> list[int]:
        """Return the number of each call, from 1 on, in the order of computing."""
        places = [place for place, _ in self._calls.get(id(layer), [])]
        order = sorted(range(len(places)), key=places.__getitem__)
        return [order.index(computed) + 1 for computed in range(len(places))]

    def are_turned(self, layer: Any) -> bool:
        """Tell whether the calls are computed in another order."""
        uses = self.uses(layer)
        return uses != sorted(uses)

    @contextmanager
    def recorded(self, base: Any) -> Iterator[None]:
        """Note what watched layers return in this thread, as long as a block runs.

        Args:
            base: the class of all layers.
        """
        plain, thread = base.__call__, threading.get_ident()
        around = [_Around(())]

        def recorded(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return plain(layer, *args, **kwargs)
            place = around[-1].place_of(layer)
            around.append(_Around(place, _written(layer)))
            try:
                returned = plain(layer, *args, **kwargs)
            finally:
                around.pop()
            if id(layer) in self._watched:
                self._calls.setdefault(id(layer), []).append((place, returned))
            return returned

        base.__call__ = recorded
        try:
            yield
        finally:
            base.__call__ = plain


@dataclass(slots=True)
class _Around:
    """A layer that is being called, and how many calls have come in it.

    Attributes:
        place: of its own call.
        written: of a graph, the layers that it calls, as they are computed, with their places.
        count: of the calls so far.
    """

    place: _Place
    written: list[tuple[int, tuple[int, int]]] = field(default_factory=list)
    count: int = 0

    def place_of(self, layer: Any) -> _Place:
        """Return the place of a call that begins in it."""
        number, self.count = self.count, self.count + 1
        if number < len(self.written) and self.written[number][0] == id(layer):
            return (*self.place, self.written[number][1])
        # A subclass calls its layers as it likes.
        self.written = []
        return (*self.place, (number, 0))


def _written(layer: Any) -> list[tuple[int, tuple[int, int]]]:
    """Return the layers that a graph calls, as computed: where each comes first, and which call this is."""
    # Keras 3 has operations in a graph that are no layers.
    calls = [call for call in (graph_calls(layer) if is_model(layer) else None) or [] if _is_layer(call)]
    first: dict[int, int] = {}
    for number, call in enumerate(calls):
        first.setdefault(id(call.layer), number)
    return [(id(call.layer), (first[id(call.layer)], call.number)) for call in calls]


def _is_layer(call: Any) -> bool:
    return not call.is_input and hasattr(call.layer, "_flatten_layers")
