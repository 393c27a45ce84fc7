"""Which layers of a base are thawed, and the ``trainable`` flags that do it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nbkeras.models.blocks import is_batch_norm
from nbkeras.models.layer_factors import inner_layers
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.models.base_and_head import Parts

_BLOCKS = re.compile(r"(\d+)[ -]?blocks?")


def thawed_layers(parts: Parts, unfreeze: str | int) -> list[Any]:
    """Return the layers of the base that train with the head.

    Args:
        parts: the model's base and head.
        unfreeze: ``"head"`` for none, ``"all"``, a number of layers from the top (batch normalization does
            not count), ``"2 blocks"`` from the top, or the name of a block or a layer, in which ``*`` stands
            for any text: from the lowest one of that name up.

    Raises:
        Refusal: for what the base does not have.
    """
    base = list(parts.base)
    if unfreeze == "head":
        return []
    if unfreeze == "all":
        return base
    text = str(unfreeze)
    if not isinstance(unfreeze, bool) and (text.isdigit() or _BLOCKS.fullmatch(text)):
        by_blocks = _BLOCKS.fullmatch(text)
        each: list[Any] = [block.layers[0] for block in parts.blocks]
        if by_blocks is None:
            each = [layer for layer in base if not is_batch_norm(layer)]
        count, what = int(by_blocks[1] if by_blocks else text), "blocks" if by_blocks else "layers"
        if not 0 < count <= len(each):
            raise Refusal(
                f"unfreeze: expected 1 to {len(each)} {what} of {parts.name!r}, received {unfreeze!r}: "
                "give  'all'"
            )
        return base[_place(base, each[-count]) :]
    return base[_lowest(parts, text) :]


def set_trainable(model: Any, parts: Parts, thawed: list[Any], *, batch_norm: bool = False) -> None:
    """Let the head and some layers of the base train, and freeze the rest.

    Batch normalization of the base is frozen layer by layer: its statistics stay, and it uses them.

    Args:
        model: the model; what is frozen in its head stays so.
        parts: its base and head.
        thawed: the layers of the base that train.
        batch_norm: whether their batch normalization trains, too.
    """
    own = [each for unit in parts.head for each in (unit, *inner_layers(unit)) if not each.trainable]
    # One by one: Keras 3.15 on TensorFlow takes  model.trainable = True  for done where it is True already,
    # and leaves layers inside frozen that were frozen on their own.
    for each in _all(model):
        each.trainable = True
        _freeze_under_lora(each)
    for each in own:
        each.trainable = False
    held = {id(each) for each in thawed}
    for unit in parts.base:
        if id(unit) not in held:
            unit.trainable = False
        elif not batch_norm:
            for each in (unit, *inner_layers(unit)):
                if is_batch_norm(each):
                    each.trainable = False


class Flags:
    """The ``trainable`` flags of a model, all its layers and their weights, as they are now."""

    def __init__(self, model: Any) -> None:
        """Read them."""
        held = [(each, bool(each.trainable), sum(1 for _ in inner_layers(each))) for each in _all(model)]
        # A flag that is set goes to all layers inside, so those that hold others come first.
        held.sort(key=lambda each: -each[2])
        self._flags = [(layer, flag) for layer, flag, _ in held]
        # In Keras 3 a weight has a flag of its own, which that of its layer overwrites.
        self._weights = [(each, each.trainable) for each in model.weights]

    def restore(self) -> None:
        """Set them again."""
        for layer, flag in self._flags:
            layer.trainable = flag
        for weight, flag in self._weights:
            if weight.trainable != flag:
                weight.trainable = flag


def _all(model: Any) -> list[Any]:
    return [model, *inner_layers(model)]


def _freeze_under_lora(layer: Any) -> None:
    """Keep frozen what low-rank weights train in the place of, see ``enable_lora`` of Keras 3."""
    if getattr(layer, "lora_enabled", False):
        # Its public name gives the sum of both.
        held = layer._kernel if hasattr(layer, "_kernel") else layer._embeddings  # noqa: SLF001
        held.trainable = False


def _place(layers: list[Any], layer: Any) -> int:
    return next(at for at, each in enumerate(layers) if each is layer)


def _lowest(parts: Parts, text: str) -> int:
    base = list(parts.base)
    named = [(block.name, block.layers[0]) for block in parts.blocks] + [(each.name, each) for each in base]
    # A name goes before a pattern.
    for found in (
        [layer for name, layer in named if name == text],
        [layer for name, layer in named if fnmatchcase(name, text)],
    ):
        if found:
            return min(_place(base, layer) for layer in found)
    names = ", ".join(block.name for block in parts.blocks)
    raise Refusal(
        f"unfreeze: expected head, all, a number, or a block or layer of {parts.name!r} ({names}), received "
        f"{text!r}: give  {parts.blocks[-1].name!r}"
    )
