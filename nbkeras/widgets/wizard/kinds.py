"""Which form a recipe has: the one that all have, or one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.widgets.fine_tuning_form.form import FineTuningForm
from nbkeras.widgets.wizard.wizard import Wizard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbkeras.recipes.recipe import Recipe
    from nbkeras.widgets.picture.page import Bundle

_OWN = {"fine_tune": FineTuningForm}


def form_of(
    recipe: Recipe, variables: Mapping[str, Any], saved: Callable[[], Bundle] | None = None
) -> Wizard:
    """Return the form of a recipe.

    Args:
        recipe: what it is made from.
        variables: the notebook's namespace.
        saved: as for `Wizard`.
    """
    return _OWN.get(recipe.name, Wizard)(recipe, variables, saved)
