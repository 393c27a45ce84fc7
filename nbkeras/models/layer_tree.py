"""The layers of a model as a tree in rows, of nested models and blocks, with marks at what trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.models.blocks import is_batch_norm
from nbkeras.models.unfreezing import Flags, set_trainable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbkeras.models.paper import PaperLayer, PaperModel

BASE, HEAD = "base", "head"
ALL, SOME, NONE, NOTHING = "1", "2", "0", "-"
"""Whether what is in a row trains: all of it, some, none; or nothing in it could ever train."""
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One row of the tree: a layer, a nested model, or a block.

    Attributes:
        level: from 1; the rows below a row of a lower level are inside it.
        name: of the layer or block.
        kind: name of the layer's class, ``"block"`` for a block.
        shape: what it puts out for one sample.
        parameters: how many numbers it holds.
        part: `BASE` or `HEAD`.
        end: the layer of the model itself at which the base ends when this row is chosen.
        normalizes: whether it is batch normalization.
        frozen: whether the user has frozen it, in the head.
        layers: the layers that it stands for.
    """

    level: int
    name: str
    kind: str
    shape: str
    parameters: int
    part: str
    end: str
    normalizes: bool
    frozen: bool
    layers: tuple[PaperLayer, ...]

    @property
    def holds(self) -> bool:
        """Whether others stand inside it."""
        return self.kind == "block" or self.layers[0].is_nested


def tree_rows(paper: PaperModel) -> list[TreeRow]:
    """Return the rows of a model, from its first layer to its last.

    Args:
        paper: the model on paper, with its base and head.
    """
    blocks = _blocks(paper)
    return [
        row
        for part, group in _grouped(paper.model.shown, blocks, paper.base)
        for row in _rows(part, group, blocks, 1, "")
    ]


def marks(
    paper: PaperModel, rows: Sequence[TreeRow], thawed: Sequence[tuple[Sequence[PaperLayer], bool]]
) -> list[str]:
    """Return for each row what of it trains in each stage, a sign a stage.

    Args:
        paper: the model on paper.
        rows: those of the tree.
        thawed: of each stage the layers of the base that train, and whether their normalization does.
    """
    flags = Flags(paper.model)
    found = [""] * len(rows)
    try:
        for layers, batch_norm in thawed:
            set_trainable(paper.model, paper.parts, list(layers), batch_norm=batch_norm)
            found = [before + _mark(row) for before, row in zip(found, rows, strict=True)]
    finally:
        flags.restore()
    return found


def _mark(row: TreeRow) -> str:
    leaves = [leaf for layer in row.layers for leaf in _leaves(layer)]
    able = [leaf for leaf in leaves if leaf.own or any(each.own for each in _inside(leaf))]
    # All of a block trains although its normalization stays as it is: that row says so itself.
    able = [leaf for leaf in able if not is_batch_norm(leaf)] or able
    if not able:
        return NOTHING
    training = sum(1 for leaf in able if leaf.trainable_weights)
    return ALL if training == len(able) else SOME if training else NONE


def _leaves(layer: PaperLayer) -> list[PaperLayer]:
    if not layer.is_nested:
        return [layer]
    return [leaf for each in layer.shown for leaf in _leaves(each)]


def _inside(layer: PaperLayer) -> list[PaperLayer]:
    return list(layer._flatten_layers(include_self=False))  # noqa: SLF001 - our own


Blocks = dict[int, str]


def _blocks(paper: PaperModel) -> Blocks:
    """Return, by the id of a layer, its block; layers without weights are shown with the one before."""
    blocks = paper.parts.blocks
    if len(blocks) < _FEWEST:
        return {}
    return {id(layer): block.name for block in blocks for layer in block.layers}


def _grouped(
    layers: Sequence[PaperLayer], blocks: Blocks, base: frozenset[int] | None, part: str = BASE
) -> Iterator[tuple[str, list[PaperLayer]]]:
    """Yield neighbours of one block together, every other layer alone, each with its part."""
    group: list[PaperLayer] = []
    name, its_part = "", part
    for layer in layers:
        own_part = part if base is None else BASE if id(layer) in base else HEAD
        own = "" if own_part == HEAD or layer.is_nested else blocks.get(id(layer), name)
        if group and own and own == name and own_part == its_part:
            group.append(layer)
            continue
        if group:
            yield its_part, group
        group, name, its_part = [layer], own, own_part
    if group:
        yield its_part, group


def _rows(part: str, group: list[PaperLayer], blocks: Blocks, level: int, end: str) -> Iterator[TreeRow]:
    held = [blocks[id(each)] for each in group if id(each) in blocks]
    if len(held) >= _FEWEST:
        yield TreeRow(
            level=level,
            name=held[0],
            kind="block",
            shape=group[-1].shape,
            parameters=sum(each.parameters for each in group),
            part=part,
            end=end or group[-1].name,
            normalizes=False,
            frozen=False,
            layers=tuple(group),
        )
        level += 1
    for layer in group:
        its_end = end or layer.name
        yield TreeRow(
            level=level,
            name=layer.name,
            kind=layer.kind,
            shape=layer.shape,
            parameters=layer.parameters,
            part=part,
            end=its_end,
            normalizes=is_batch_norm(layer),
            frozen=part == HEAD and bool(layer.own) and not layer.trainable,
            layers=(layer,),
        )
        if layer.is_nested:
            for inner_part, inner in _grouped(layer.shown, blocks, None, part):
                yield from _rows(inner_part, inner, blocks, level + 1, its_end)
