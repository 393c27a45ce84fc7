"""`nbkeras.wizard`: shows a wizard, or the gallery of all."""

from __future__ import annotations

from typing import Any

from IPython import get_ipython
from IPython.display import display

from nbkeras import recipes
from nbkeras.runtime.frontend import in_kernel
from nbkeras.widgets.wizard.saved import saved_bundle

MIME = "application/vnd.nbkeras.wizard+json"
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"


def wizard(name: str) -> None:
    """Show the form of one question of the Keras FAQ, with its code at the side.

    The code follows the form as you type. Run executes it in the notebook, monitored as with ``%%fit``;
    Copy and Insert below give it to you. In a terminal, where there are no forms, it prints the code.

    Example:
        >>> nbkeras.wizard("early_stopping")  # doctest: +SKIP

    Args:
        name: the recipe's name, as ``%faq`` and ``nbkeras.recipes.names()`` list it.

    Raises:
        Refusal: for a name that is none, with those that are near.
    """
    recipe = recipes.get(name)
    if not in_kernel():
        print(saved_bundle(recipe, code_of(name))["text/plain"])  # noqa: T201 - the answer in a terminal
        return
    from nbkeras.widgets.wizard import shown
    from nbkeras.widgets.wizard.kinds import form_of

    shell = get_ipython()
    form = form_of(recipe, shell.user_ns)
    form.parent = shell.get_parent()
    shown.add(form)
    display(live_bundle(form.saved(), form.id), raw=True)


def gallery() -> None:
    """Show all forms: a list in which a button opens each; in a terminal, what to type for each."""
    from nbkeras.widgets.wizard.gallery import Gallery, gallery_bundle

    if not in_kernel():
        print(gallery_bundle()["text/plain"])  # noqa: T201 - the answer in a terminal
        return
    shown_gallery = Gallery(get_ipython().get_parent())
    display(live_bundle(shown_gallery.saved(), shown_gallery.root.model_id), raw=True)


def code_of(name: str) -> str:
    """Return the code of the form of a recipe that was shown last, or of the recipe's own values."""
    from nbkeras.widgets.wizard import shown

    recipe = recipes.get(name)
    form = shown.last(recipe.name)
    if form is not None:
        return form.entries.code
    return recipe.code()


def live_bundle(saved: dict[str, str], widget: str) -> dict[str, Any]:
    """Return what is displayed: the widget, and for a reader without a kernel what was saved of it.

    JupyterLab with nbkeras's extension draws the second one: the widget while its kernel has it, else
    the HTML.
    """
    return {
        **saved,
        WIDGET_MIME: {"version_major": 2, "version_minor": 0, "model_id": widget},
        MIME: {"version": 1, "widget": widget},
    }
