"""What of a wizard stays in a saved notebook: question and code, as HTML without scripts and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.widgets.code_html import highlighted
from nbkeras.widgets.picture.page import fit, render

if TYPE_CHECKING:
    from nbkeras.recipes.recipe import Recipe
    from nbkeras.widgets.picture.page import Bundle

LIMIT = 20_000
"""The most bytes that a wizard takes in a notebook's file."""


def saved_bundle(recipe: Recipe, code: str) -> Bundle:
    """Return a wizard as it reads without a kernel.

    Example:
        >>> import nbkeras
        >>> recipe = nbkeras.recipes.get("early_stopping")
        >>> sorted(saved_bundle(recipe, recipe.code()))
        ['text/html', 'text/plain']

    Args:
        recipe: the wizard's recipe.
        code: the code of its form.

    Returns:
        ``{"text/html": …, "text/plain": …}``.
    """
    return fit(LIMIT, (True, False), lambda colours: _bundle(recipe, code, colours=colours))


def _bundle(recipe: Recipe, code: str, *, colours: bool) -> Bundle:
    html = render("wizard.html", recipe=recipe, code=code, highlighted=highlighted(code) if colours else "")
    return {"text/html": html, "text/plain": f"{recipe.question}\n\n{code.rstrip()}"}
