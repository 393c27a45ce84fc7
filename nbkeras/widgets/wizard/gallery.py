"""The gallery: all questions of the FAQ with their forms, by section and topic."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import traitlets
from IPython import get_ipython
from ipywidgets import VBox

from nbkeras import recipes
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.wizard import shown
from nbkeras.widgets.wizard.kinds import form_of
from nbkeras.widgets.wizard.panel import WizardView

if TYPE_CHECKING:
    from nbkeras.widgets.picture.page import Bundle
    from nbkeras.widgets.wizard.wizard import Wizard


class GalleryPanel(WizardView):
    """The buttons of the gallery."""

    kind = traitlets.Unicode("gallery").tag(sync=True)
    sections: traitlets.List[dict[str, Any]] = traitlets.List(help="As `sections` returns them.").tag(
        sync=True
    )
    opened = traitlets.Unicode(help="The name of the recipe whose form is open.").tag(sync=True)


class Gallery:
    """All wizards, of which one is open below the list."""

    def __init__(self, parent: dict[str, Any]) -> None:
        """Make the list; its `root` is the widget to display.

        Args:
            parent: the request of the cell that shows it.
        """
        self.panel = GalleryPanel(sections=sections())
        self.panel.on_msg(self._heard)
        self.root = VBox([self.panel])
        self.root.add_class("nbk-gallery-root")
        self._parent = parent
        self._wizard: Wizard | None = None

    def saved(self) -> Bundle:
        """Return what stays in the notebook's file: the list, and the form that is open."""
        mine = gallery_bundle()
        if self._wizard is None:
            return mine
        its = self._wizard.saved()
        return {
            "text/html": mine["text/html"] + its["text/html"],
            "text/plain": mine["text/plain"] + "\n\n" + its["text/plain"],
        }

    def open(self, name: str) -> None:
        """Show the form of a recipe in place of the one that is open."""
        if self._wizard is not None:
            shown.remove(self._wizard)
        self._wizard = form_of(recipes.get(name), get_ipython().user_ns, saved=self.saved)
        self._wizard.parent = self._parent
        shown.add(self._wizard)
        self.root.children = (self.panel, self._wizard.root)
        self.panel.opened = name

    def _heard(self, _: Any, content: Any, __: Any) -> None:
        if content.get("type") == "open" and content.get("name") in recipes.names():
            self.open(content["name"])


def sections() -> list[dict[str, Any]]:
    """Return all questions by section and topic, in the FAQ's order."""
    return [
        {
            "title": section,
            "topics": [
                {"title": topic, "questions": [[each.name, each.question] for each in of_topic]}
                for topic, of_topic in groupby(of_section, key=lambda recipe: recipe.topic)
            ],
        }
        for section, of_section in groupby(recipes.all(), key=lambda recipe: recipe.section)
    ]


def gallery_bundle() -> Bundle:
    """Return the gallery as it reads without a kernel: each question with what to type.

    Example:
        >>> "%wizard early_stopping" in gallery_bundle()["text/plain"]
        True
    """
    grouped = sections()
    lines = ["The forms of the Keras FAQ"]
    for section in grouped:
        lines += ["", section["title"]]
        for topic in section["topics"]:
            lines.append(f"  {topic['title']}")
            lines += [f"    %wizard {name}  {question}" for name, question in topic["questions"]]
    return {"text/html": render("gallery.html", sections=grouped), "text/plain": "\n".join(lines)}
