"""The layer tree as it stays in a notebook's file: a table, cut where a model is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.models.layer_tree import ALL, NONE, SOME
from nbkeras.widgets.picture import wording
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.models.layer_tree import TreeRow

_WORDS = {ALL: "trains", SOME: "in part", NONE: "frozen"}
_LENGTH = 40


def tree_table(rows: Sequence[TreeRow], marks: Sequence[str], limit: int) -> Table:
    """Return the layers as a table, of many those of the upper levels first.

    Args:
        rows: the rows of the model.
        marks: what trains of each in each stage.
        limit: the most rows.
    """
    level = max((row.level for row in rows), default=1)
    while level > 1 and sum(row.level <= level for row in rows) > limit:
        level -= 1
    shown = [(row, mark) for row, mark in zip(rows, marks, strict=True) if row.level <= level]
    stages = len(marks[0]) if marks else 0
    header = (
        "layer",
        "class",
        "part",
        *(f"stage {at}" for at in range(1, stages + 1)),
        "output",
        "parameters",
    )
    cells = [
        (
            "\u2003" * (row.level - 1) + wording.line(row.name, _LENGTH),
            wording.line(row.kind, _LENGTH),
            row.part,
            *(_WORDS.get(sign, "") for sign in mark),
            row.shape,
            f"{row.parameters:,}",
        )
        for row, mark in shown[:limit]
    ]
    return Table(header, tuple(cells), len(rows) - len(cells), words=3 + stages)
