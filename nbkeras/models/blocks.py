"""The blocks of a base: what is thawed together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from nbkeras.models.layer_graph import inside, units

# block1_conv1, conv2_block3_out, block_12_expand, block4a_se_reduce, …_stage_2_block_0_…
_NAMED = re.compile(r"(.*?block_?\d+[a-z]?)(?:_.*)?")
# Global pooling within a base is that of a squeeze-and-excitation branch, which comes back to its block.
_BOUNDARY = re.compile(r"Add|Concatenate|Average|Maximum|(?:Max|Average)Pooling\dD|Flatten")
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Block:
    """A name and the layers with weights that are thawed together, from the first to the last."""

    name: str
    layers: tuple[Any, ...]


def blocks_of(layers: Any) -> tuple[Block, ...]:
    """Return the blocks of some layers, from the first to the last.

    The names of the layers tell them (``block1_conv1``, ``conv2_block1_out``); else a block ends where
    branches meet or the picture is pooled; else each layer is one, with the normalization behind it.

    Args:
        layers: of a model, in its order; those of nested models count one by one.
    """
    held = list({id(each): each for each in units(layers)}.values())
    named = [_NAMED.fullmatch(each.name) for each in held]
    if len({match[1] for match in named if match}) >= _FEWEST:
        return _grouped(held, [match[1] if match else "" for match in named], named=True)
    parted = _by_boundaries(layers)
    if len(set(parted)) >= _FEWEST:
        return _grouped(held, parted)
    return _grouped(held, _one_by_one(held))


def is_batch_norm(layer: Any) -> bool:
    """Tell whether a layer keeps statistics of its batches."""
    return any("BatchNormalization" in kind.__name__ for kind in type(layer).__mro__)


def _by_boundaries(layers: Any) -> list[str]:
    """Return, for each layer with weights, the number of the block that it is in."""
    numbers: dict[int, str] = {}
    number = 0
    for layer in _leaves(layers):
        if _BOUNDARY.fullmatch(type(layer).__name__):
            number += 1
        elif layer.weights:
            numbers.setdefault(id(layer), str(number))
    return list(numbers.values())


def _leaves(layers: Any) -> list[Any]:
    found: list[Any] = []
    for layer in layers:
        inner = inside(layer)
        found += [layer] if inner is None else _leaves(inner)
    return found


def _one_by_one(held: list[Any]) -> list[str]:
    number, numbers = 0, []
    for at, layer in enumerate(held):
        if at and "Normalization" not in type(layer).__name__:
            number += 1
        numbers.append(str(number))
    return numbers


def _grouped(held: list[Any], keys: list[str], *, named: bool = False) -> tuple[Block, ...]:
    """Join neighbours of one key; a block without a name of its own is called by its first layer."""
    groups: list[tuple[str, list[Any]]] = []
    for layer, key in zip(held, keys, strict=True):
        same = next((group for group in groups if named and key and group[0] == key), None)
        if same is None and groups and groups[-1][0] == key:
            same = groups[-1]
        if same is None:
            groups.append((key, [layer]))
        else:
            same[1].append(layer)
    return tuple(Block(key if named and key else inner[0].name, tuple(inner)) for key, inner in groups)
