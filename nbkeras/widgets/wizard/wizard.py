"""One wizard: the form at the left, its code at the right."""

from __future__ import annotations

import html
import importlib.util
import re
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from ipywidgets import HTML, Box, Button, Checkbox, Dropdown, Layout, VBox

from nbkeras.recipes.notebook import Notebook
from nbkeras.recipes.picks import Pick
from nbkeras.recipes.places import File, Folder
from nbkeras.runtime.keras_lines import LINES, active_line
from nbkeras.widgets.code_html import highlighted
from nbkeras.widgets.faq import LINE_NAMES
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.wizard.entries import LINE, Entries
from nbkeras.widgets.wizard.fields import Field, boxed, message
from nbkeras.widgets.wizard.names import Names
from nbkeras.widgets.wizard.panel import CodePanel
from nbkeras.widgets.wizard.running import run_soon
from nbkeras.widgets.wizard.saved import saved_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbkeras.recipes.parameter import Parameter
    from nbkeras.recipes.recipe import Recipe
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.widgets.picture.page import Bundle

WRITE_FOR = "Write for"
"""The label of the Keras line."""


class Wizard:
    """A recipe's form with its code.

    Args:
        recipe: what the form is made from.
        variables: the notebook's namespace, where choices come from.
        saved: makes what stays in the notebook's file, where the wizard stands in something larger.
    """

    def __init__(
        self, recipe: Recipe, variables: Mapping[str, Any], saved: Callable[[], Bundle] | None = None
    ) -> None:
        """Make the form; its `root` is the widget to display."""
        self.recipe = recipe
        self.entries = Entries(recipe, Notebook(variables))
        self.fields = [self._field(parameter) for parameter in recipe.parameters]
        self.panel = CodePanel(recipe=recipe.name)
        self.panel.on_msg(self._heard)
        self._line_message = message()
        self._names = Names(self.entries, self.refresh)
        asked = [field.box for field in self.fields if not self._is_beside(field)]
        form = VBox([self._names.box, *asked, *self._switches()])
        form.add_class("nbk-form")
        columns = Box([form, self._beside()])
        columns.add_class("nbk-columns")
        self.root = VBox([_head(recipe), columns])
        self.root.add_class("nbk-wizard")
        self._saved = saved or self.saved
        self.parent: dict[str, Any] = {}
        """The request of the cell that shows it."""
        self.id: str = self.root.model_id
        self.panel.wizard = self.id
        self.show()

    def refresh(self) -> None:
        """Take the notebook's choices as they are now."""
        for field in self.fields:
            field.refresh()
        self.entries.look()
        self.show()

    def show(self) -> None:
        """Bring all widgets up to date with the entries."""
        self._names.update()
        for field in self.fields:
            field.update()
        entries, panel = self.entries, self.panel
        self._line_message.value = html.escape(entries.problems.get(LINE, ""))
        with panel.hold_sync():
            panel.problems = [[name, self._label(name), text] for name, text in entries.problems.items()]
            if panel.code != entries.code:
                panel.code = entries.code
                panel.edition += 1
                panel.html = highlighted(entries.code)
            panel.blocked = self._blocked()

    def saved(self) -> Bundle:
        """Return what stays in the notebook's file."""
        return saved_bundle(self.recipe, self.entries.code)

    def close(self) -> None:
        """Take the widgets back, where the cell that showed them shows others."""
        _close(self.root)

    def _field(self, parameter: Parameter) -> Field:
        """Return a parameter's field."""
        return Field(parameter, self.entries, self.show)

    def _is_beside(self, _field: Field) -> bool:
        """Tell whether a field stands beside the form, where `_beside` puts it."""
        return False

    def _beside(self) -> Any:
        """Return what stands beside the form."""
        return self.panel

    def _switches(self) -> list[Any]:
        """Return what stands below the fields: the Keras line, the magics, and the button for the choices."""
        layout = Layout(width="auto")
        lines = [(_line_words(line), line) for line in LINES]
        line = Dropdown(options=lines, value=self.entries.line, description=WRITE_FOR, layout=layout)
        line.observe(self._set_line, "value")
        found: list[Any] = [boxed(LINE, line, self._line_message)]
        if self.recipe.magic and self.recipe.by_switch:
            magics = Checkbox(value=False, description="With nbkeras's magics", indent=False, layout=layout)
            magics.observe(self._set_magics, "value")
            found.append(boxed("magics", magics))
        if any(isinstance(parameter, (Pick, File, Folder)) for parameter in self.recipe.parameters):
            tooltip = "Look at the notebook's variables and files again"
            refresh = Button(description="Refresh choices", tooltip=tooltip)
            refresh.add_class("nbk-refresh")
            refresh.on_click(lambda _: self.refresh())
            found.append(refresh)
        return found

    def _set_line(self, change: dict[str, Any]) -> None:
        self.entries.line = change["new"]
        self.refresh()

    def _set_magics(self, change: dict[str, Any]) -> None:
        self.entries.magics = change["new"]
        self.refresh()

    def _label(self, name: str) -> str:
        labels = {parameter.name: parameter.label for parameter in self.recipe.parameters}
        return labels.get(name, WRITE_FOR)

    def _blocked(self) -> str:
        module, extra = self.recipe.module
        if self.entries.foreign:
            return f"This kernel runs {LINE_NAMES[active_line()]}: copy the code into one that does not."
        needed = bool(module) and re.search(rf"\b{module}\b", self.entries.code)
        if needed and importlib.util.find_spec(module) is None:
            return f"To run it, type  %pip install 'nbkeras[{extra}]'"
        shell = get_ipython()
        magic = re.match(r"%(%?)(\w+)", self.entries.code)
        if magic and shell and shell.find_magic(magic[2], "cell" if magic[1] else "line") is None:
            return "To run it, type  %load_ext nbkeras"
        return ""

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        """Answer the view."""
        if content.get("type") == "save":
            self.panel.send({"type": "saved", "data": self._saved()})
        elif content.get("type") == "run":
            run_soon(self, content.get("edition"))


def _head(recipe: Recipe) -> HTML:
    """Return the question, the answer, and what one should know about them."""
    head = HTML(render("wizard_head.html", recipe=recipe))
    head.add_class("nbk-head")
    return head


def _line_words(line: Line) -> str:
    here = " (this kernel)" if line == active_line() else ""
    return f"{LINE_NAMES[line]}{here}"


def _close(widget: Any) -> None:
    for child in getattr(widget, "children", ()):
        _close(child)
    widget.close()
