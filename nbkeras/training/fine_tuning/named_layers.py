"""The layers that the plain code of a fine-tuning calls by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.models.blocks import is_batch_norm
from nbkeras.models.layer_factors import inner_layers
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.models.base_and_head import Parts


def walk(layers: Any) -> Iterator[Any]:
    """Yield layers, those of nested models and those that wrappers hold, as the code does."""
    for layer in layers:
        yield layer
        yield from walk(getattr(layer, "layers", [layer.layer] if hasattr(layer, "layer") else []))


def norms(parts: Parts) -> list[Any]:
    """Return the batch normalization of the base."""
    return [each for unit in parts.base for each in (unit, *inner_layers(unit)) if is_batch_norm(each)]


def frozen(parts: Parts) -> list[Any]:
    """Return what is frozen in the head."""
    return [each for unit in parts.head for each in (unit, *inner_layers(unit)) if not each.trainable]


def refuse_unreached(model: Any, parts: Parts) -> None:
    """Refuse layers that the code would not find by their names, or take for others.

    Raises:
        Refusal: naming the first of them.
    """
    reached: dict[str, set[int]] = {}
    for layer in walk(model.layers):
        reached.setdefault(layer.name, set()).add(id(layer))
    for layer in (*parts.base, *norms(parts), *frozen(parts)):
        found = reached.get(layer.name, set())
        if found != {id(layer)}:
            which = "two of this name" if found else "inside of a layer of your own"
            raise Refusal(
                f"code: expected layers that are found by their names, received {layer.name!r}, {which}: use "
                "nbkeras.fine_tune, which goes by the layers themselves"
            )
