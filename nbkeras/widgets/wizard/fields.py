"""The fields of a form, one for each parameter: label, control, help, and a line for what is wrong."""

from __future__ import annotations

import html
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Checkbox, Combobox, Dropdown, Layout, SelectMultiple, Text, VBox

from nbkeras.recipes.parameter import Choice, Switch
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.recipes.parameter import Parameter
    from nbkeras.widgets.wizard.entries import Entries


class Field:
    """One parameter in the form.

    Args:
        parameter: what the field is for.
        entries: where its value goes to.
        on_change: called after the value was entered.
    """

    def __init__(self, parameter: Parameter, entries: Entries, on_change: Callable[[], None]) -> None:
        """Make the widgets of a field; `update` brings them up to date."""
        self._parameter = parameter
        self._entries = entries
        self._on_change = on_change
        self._quiet = False
        self._message = message()
        self.control = self._control()
        self.control.observe(self._changed, "value")
        bounds = parameter.bounds
        help_line = HTML(
            html.escape(f"{parameter.help} {bounds[:1].upper()}{bounds[1:]}." if bounds else parameter.help)
        )
        help_line.add_class("nbk-help")
        self.box = self._boxed(help_line)

    @property
    def name(self) -> str:
        """The parameter's name."""
        return self._parameter.name

    def update(self) -> None:
        """Show what is wrong with the value, the choices there are now, and whether the field counts."""
        parameter, entries = self._parameter, self._entries
        if isinstance(parameter, Pick):
            self._offer(parameter)
        self._message.value = html.escape(entries.problems.get(parameter.name, ""))
        self.box.layout.display = None if entries.counts(parameter) else "none"

    def refresh(self) -> None:
        """Offer the files and folders that there are now."""
        if isinstance(self._parameter, (File, Folder)):
            self.control.options = self._parameter.there()

    def _boxed(self, help_line: HTML) -> VBox:
        return boxed(self._parameter.name, self.control, help_line, self._message)

    def _control(self) -> Any:
        parameter = self._parameter
        value = self._entries.values[parameter.name]
        common = {"description": parameter.label, "layout": Layout(width="auto")}
        if isinstance(parameter, Switch):
            return Checkbox(value, indent=False, **common)
        if isinstance(parameter, Choice):
            return Dropdown(
                options=[(words, each) for each, words in parameter.options], value=value, **common
            )
        if isinstance(parameter, Pick):
            kind = SelectMultiple if parameter.many else Dropdown
            return kind(options=self._options(parameter), value=value, **common)
        if isinstance(parameter, (File, Folder)):
            # Any other path can be typed.
            return Combobox(
                value=value, options=parameter.there(), ensure_option=False, continuous_update=True, **common
            )
        return Text("" if value is None else str(value), continuous_update=True, **common)

    def _options(self, pick: Pick) -> list[tuple[str, str]]:
        return [(name or pick.nothing, name) for name in self._entries.choices(pick)]

    def _offer(self, pick: Pick) -> None:
        options = tuple(self._options(pick))
        if tuple(self.control.options) == options:
            return
        # New options make the widget forget its choice.
        with self._silence(), self.control.hold_sync():
            self.control.options = options
            self.control.value = self._entries.values[pick.name]

    @contextmanager
    def _silence(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def _changed(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        name, value = self._parameter.name, change["new"]
        is_text = isinstance(self.control, Text)
        self._entries.enter(name, self._entries.read(name, value) if is_text else value)
        self._on_change()


def boxed(name: str, control: Any, *lines: HTML) -> VBox:
    """Return a control and the lines below it as a field that views and style sheets find by its name."""
    control.add_class("nbk-control")
    box = VBox([control, *lines])
    box.add_class("nbk-field")
    box.add_class(f"nbk-field-{name}")
    return box


def message() -> HTML:
    """Return a line for what is wrong with a field."""
    line = HTML()
    line.add_class("nbk-message")
    return line
