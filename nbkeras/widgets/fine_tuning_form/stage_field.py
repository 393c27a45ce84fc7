"""The stages as a field of the form."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, VBox

from nbkeras.recipes.stages import stage_texts, wrong_with
from nbkeras.widgets.fine_tuning_form.stage_editor import StageEditor
from nbkeras.widgets.wizard.fields import Field

if TYPE_CHECKING:
    from collections.abc import Sequence


class StageField(Field):
    """The field of a parameter that holds stages; its message stands below what is wrong."""

    def offer(self, names: Sequence[str]) -> None:
        """Offer what of the base may train."""
        self.control.offer(names)

    def update(self) -> None:
        """Show what is wrong, and where."""
        said = self._entries.problems.get(self._parameter.name, "")
        self._message.value = html.escape(said)
        self.control.tell(*(_place(self._entries.values[self._parameter.name], said) if said else (0, "")))

    def _control(self) -> Any:
        return StageEditor(self._entries.values[self._parameter.name], self._message)

    def _boxed(self, help_line: HTML) -> VBox:
        label = HTML(html.escape(self._parameter.label))
        label.add_class("nbk-stages-label")
        box = VBox([label, self.control.root, help_line])
        box.add_class("nbk-stages-box")
        return box


def _place(text: str, said: str) -> tuple[int, str]:
    """Return the number of the stage that is wrong, the first if none is named, and its field."""
    for number, each in enumerate(stage_texts(text), 1):
        name, _ = wrong_with(each)
        if name:
            return number, name
        if said.startswith(f"stage {number}: "):
            return number, "what"
    return 1, "patience" if "patience" in said else "depth" if "factor" in said else "what"
