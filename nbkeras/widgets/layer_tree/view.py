"""The layer tree as a widget: one message for a model, a short one for each change of what trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbkeras.models.layer_tree import TreeRow

_VIEW = Path(__file__).parent.parent / "static" / "layer-tree.js"


class LayerTree(anywidget.AnyWidget):
    """The rows of a model; the view folds them, and says at which layer the base is to end."""

    _esm = _VIEW

    name = traitlets.Unicode(help="Of the model.").tag(sync=True)
    rows: traitlets.List[list[Any]] = traitlets.List(help="As `told` returns them.").tag(sync=True)
    marks: traitlets.List[str] = traitlets.List(
        help="For each row its part, b or h, and a sign for each stage, as `marks` returns them."
    ).tag(sync=True)
    base = traitlets.Unicode(help="The layer at which the base ends.").tag(sync=True)
    stale = traitlets.Bool(help="Whether the form says something else that is wrong.").tag(sync=True)
    said = traitlets.Unicode(help="What came of the last choice.").tag(sync=True)

    def __init__(self, on_choice: Callable[[str], None]) -> None:
        """Make an empty tree.

        Args:
            on_choice: called with the name of the layer at which the base is to end.
        """
        super().__init__()
        self._on_choice = on_choice
        self.on_msg(self._heard)

    def show(self, name: str, rows: Sequence[TreeRow], marks: Sequence[str], base: str) -> None:
        """Show a model.

        Args:
            name: the model's name.
            rows: the rows of its layers.
            marks: what trains of each in each stage.
            base: the layer at which the base ends.
        """
        with self.hold_sync():
            if (name, base) != (self.name, self.base):
                self.said = ""
            self.name, self.base, self.stale = name, base, False
            # Traits that stay the same are not sent.
            self.rows = [told(row) for row in rows]
            self.marks = [row.part[0] + mark for row, mark in zip(rows, marks, strict=True)]

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        names = {row[END] for row in self.rows}
        if content.get("type") == "choose" and content.get("name") in names:
            self._on_choice(content["name"])


END = 5
"""The place of the layer at which the base ends by a row's choice, in what `told` returns."""


def told(row: TreeRow) -> list[Any]:
    """Return a row as the view gets it: level, name, class, output, parameters, end, signs.

    The signs are n for batch normalization, f for frozen by the user, h for a row that holds others.
    """
    signs = "n" * row.normalizes + "f" * row.frozen + "h" * row.holds
    return [row.level, row.name, row.kind, row.shape, row.parameters, row.end, signs]
