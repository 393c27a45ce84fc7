"""The editor of the stages: a row of fields for each, that one adds and removes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import traitlets
from ipywidgets import HTML, Box, Button, Combobox, Layout, Text, VBox

from nbkeras.recipes.stages import DEPTH, EPOCHS, MOST, PATIENCE, RATE, StageText, joined, stage_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NUMBERS = (EPOCHS, RATE, DEPTH, PATIENCE)
_NEW = StageText("all", "3", "0.0001")


class StageEditor(traitlets.HasTraits):
    """Fields for each stage; its `value` is the text of all of them, and `root` the widget to display."""

    value = traitlets.Unicode()

    def __init__(self, value: str, message: HTML) -> None:
        """Show the stages of a text.

        Args:
            value: the text.
            message: a line for what is wrong, put below the field that it is about.
        """
        self._message = message
        self._quiet = False
        self._offered: tuple[str, ...] = ()
        self._add = Button(description="Add stage", tooltip="Add a stage behind the last one")
        self._add.add_class("nbk-refresh")
        self._add.on_click(lambda _: self._grow())
        self.rows: list[StageRow] = []
        self.root = VBox()
        self.root.add_class("nbk-stages")
        super().__init__(value=value)
        self._show()
        self.observe(lambda _: None if self._quiet else self._show(), "value")

    def offer(self, names: Sequence[str]) -> None:
        """Offer what of the base may train; anything else can be typed."""
        self._offered = tuple(names)
        for row in self.rows:
            if row.what.options != self._offered:
                row.what.options = self._offered

    def tell(self, number: int, name: str) -> None:
        """Mark the field that is wrong.

        Args:
            number: of its stage from 1, 0 for none.
            name: the field's.
        """
        for at, row in enumerate(self.rows, 1):
            row.tell(name if at == number else "", self._message)

    def _show(self) -> None:
        """Show what the value says; rows that are there stay, and with them the keyboard's place."""
        stages = stage_texts(self.value)[:MOST]
        with self._silence():
            for row, stage in zip(self.rows, stages, strict=False):
                row.take(stage)
        more = [StageRow(at, stages[at - 1], self) for at in range(len(self.rows) + 1, len(stages) + 1)]
        gone = self.rows[len(stages) :]
        self.rows = [*self.rows[: len(stages)], *more]
        self.offer(self._offered)
        self.root.children = (*(row.box for row in self.rows), self._add)
        self._add.disabled = len(self.rows) >= MOST
        for row in self.rows:
            row.remove.disabled = len(self.rows) == 1
        for row in gone:
            row.close()

    def typed(self) -> None:
        """Take what stands in the fields; they stay as they are."""
        if self._quiet:
            return
        with self._silence():
            self.value = joined([row.text() for row in self.rows])

    def drop(self, number: int) -> None:
        """Take a stage away."""
        self.value = joined([row.text() for row in self.rows if row.number != number])

    def _grow(self) -> None:
        self.value = joined([*(row.text() for row in self.rows), _NEW])

    @contextmanager
    def _silence(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False


class StageRow:
    """The fields of one stage.

    Args:
        number: from 1.
        stage: what stands in them.
        editor: to which changes are told.
    """

    def __init__(self, number: int, stage: StageText, editor: StageEditor) -> None:
        """Make the widgets; `box` holds them."""
        self.number = number
        layout = Layout(width="auto")
        self.what = Combobox(
            value=stage.what,
            options=(),
            ensure_option=False,
            continuous_update=True,
            description=f"Stage {number} trains",
            layout=layout,
        )
        self.what.add_class("nbk-what")
        self.numbers = {
            each.name: Text(
                getattr(stage, each.name), continuous_update=True, description=each.label, layout=layout
            )
            for each in _NUMBERS
        }
        for each in _NUMBERS:
            self.numbers[each.name].tooltip = each.help
        self.remove = Button(description="Remove", tooltip=f"Remove stage {number}")
        self.remove.add_class("nbk-refresh")
        self.remove.on_click(lambda _: editor.drop(self.number))
        self.cells = {
            name: _cell(control, f"stage-{number}-{name}")
            for name, control in {"what": self.what, **self.numbers}.items()
        }
        self.box = Box([*self.cells.values(), self.remove])
        self.box.add_class("nbk-stage")
        for control in (self.what, *self.numbers.values()):
            control.observe(lambda _: editor.typed(), "value")

    def take(self, stage: StageText) -> None:
        """Show a stage in the fields."""
        self.what.value = stage.what
        for name, control in self.numbers.items():
            control.value = getattr(stage, name)

    def text(self) -> StageText:
        """Return what stands in the fields; a comma or colon there is no part of a name."""
        numbers = {name: _plain(control.value) for name, control in self.numbers.items()}
        return StageText(_plain(self.what.value), **numbers)

    def tell(self, name: str, message: HTML) -> None:
        """Put the message below the field of this name, and away from the others."""
        for its_name, cell in self.cells.items():
            # By this class the view finds what is wrong.
            act = cell.add_class if its_name == name else cell.remove_class
            act("nbk-field-stages")
            children = (cell.children[0], message) if its_name == name else cell.children[:1]
            if cell.children != children:
                cell.children = children

    def close(self) -> None:
        """Take the widgets back."""
        for cell in self.cells.values():
            cell.children[0].close()
            cell.close()
        self.remove.close()
        self.box.close()


def _cell(control: Any, name: str) -> VBox:
    control.add_class("nbk-control")
    cell = VBox([control])
    for each in ("nbk-cell", "nbk-field", f"nbk-field-{name}"):
        cell.add_class(each)
    return cell


def _plain(text: str) -> str:
    # They part the stages and their numbers.
    return text.translate({ord(","): ";", ord(":"): ";"}).strip()
