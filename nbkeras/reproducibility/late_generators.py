"""Random generators that tf_keras's layers make when they are first called, from the seed of that moment."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.generators import state_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class LateGenerators:
    """The layers that have none yet as a cell begins.

    A layer for augmentation that an earlier cell made, and this one calls first, has a generator of this
    cell's seed. Run again, the cell has to make it anew.
    """

    def __init__(self, layers: Iterable[Any]) -> None:
        """Look at layers; nothing is made."""
        self._layers = [weakref.ref(layer) for layer in layers if not getattr(_holder(layer), "_built", True)]
        self._made: list[tuple[weakref.ref[Any], str]] = []

    def note(self) -> None:
        """Note which layers have one now, and how the cell has left it."""
        for reference in self._layers:
            state = state_of(getattr(_holder(reference()), "_generator", None))
            if state is not None:
                self._made.append((reference, state))

    def take_back(self) -> list[Any]:
        """Let the layers make theirs anew where nothing has drawn from it since; return the layers."""
        back = []
        for reference, state in self._made:
            layer = reference()
            holder = _holder(layer)
            if state_of(getattr(holder, "_generator", None)) == state:
                # No public name does it (tf_keras 2.21).
                holder._generator, holder._built = None, False  # noqa: SLF001
                back.append(layer)
        return back


def _holder(layer: Any) -> Any:
    # Keras 3's layers make their seed generators at once, and name them otherwise.
    return getattr(layer, "_random_generator", None)
