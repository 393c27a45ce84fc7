"""What a form says of the notebook's variables whose names its code would give anew."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Checkbox, Layout

from nbkeras.widgets.wizard.fields import boxed

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.widgets.wizard.entries import Entries


class Names:
    """A note at the top of a form, and the switch that lets Run replace those variables.

    Args:
        entries: where what it says comes from.
        on_change: called after the switch was set.
    """

    def __init__(self, entries: Entries, on_change: Callable[[], None]) -> None:
        """Make the widgets; `update` brings them up to date."""
        self._entries = entries
        self._on_change = on_change
        self._note = HTML()
        self._note.add_class("nbk-help")
        self.control = Checkbox(
            value=False, description="Let Run replace them", indent=False, layout=Layout(width="auto")
        )
        self.control.observe(self._changed, "value")
        self.box = boxed("names", self.control, self._note)

    def update(self) -> None:
        """Say what is so now; where no variable is concerned, nothing is shown."""
        self._note.value = html.escape(note(self._entries.others))
        self.box.layout.display = None if self._entries.others else "none"

    def _changed(self, change: dict[str, Any]) -> None:
        self._entries.replace = change["new"]
        self._on_change()


def note(others: dict[str, str]) -> str:
    """Return what happens to variables of the notebook.

    Example:
        >>> note({"x": "x_2", "model": "model_2"})
        'This notebook has x and model already: they stay as they are, the code makes x_2 and model_2.'
        >>> note({"x": "x"})
        'Run replaces x of this notebook.'
    """
    aside = {name: other for name, other in others.items() if name != other}
    if not others:
        return ""
    if not aside:
        return f"Run replaces {_listed(list(others))} of this notebook."
    stay = "they stay as they are" if len(aside) > 1 else "it stays as it is"
    made = _listed(list(aside.values()))
    return f"This notebook has {_listed(list(aside))} already: {stay}, the code makes {made}."


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
