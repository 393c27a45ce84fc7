"""All recipes: one module and one template each, in the folder of the FAQ's section."""

from __future__ import annotations

import difflib
import functools
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.recipes.recipe import Recipe

SECTIONS = ("general", "training", "modelling")


@functools.lru_cache(maxsize=1)
def _places() -> dict[str, str]:
    """Name the module of each recipe; a recipe is a module that has a template beside it."""
    here = Path(__file__).parent
    found = [path for section in SECTIONS for path in sorted((here / section).glob("*.py.jinja"))]
    return {path.name.partition(".")[0]: f"{__name__}.{path.parent.name}" for path in found}


def names() -> list[str]:
    """Return the names of all recipes, sorted; no recipe is imported for it."""
    return sorted(_places())


def get(name: str) -> Recipe:
    """Return one recipe.

    Example:
        >>> import nbkeras
        >>> nbkeras.recipes.get("early_stopping").name
        'early_stopping'

    Args:
        name: its name; dashes and spaces are as good as underscores.

    Raises:
        Refusal: naming the recipes whose names are near.
    """
    cleaned = re.sub(r"[\s-]+", "_", name.strip().lower())
    place = _places().get(cleaned)
    if place is None:
        near = difflib.get_close_matches(cleaned, names(), n=3, cutoff=0.5)
        mend = f"did you mean {' or '.join(near)}?" if near else "%faq lists them all"
        raise Refusal(f"expected the name of a recipe, received {name!r}: {mend}")
    recipe: Recipe = importlib.import_module(f"{place}.{cleaned}").RECIPE
    return recipe


def all() -> list[Recipe]:
    """Return all recipes in the FAQ's order.

    Example:
        >>> import nbkeras
        >>> nbkeras.recipes.all()[0].section
        'General'

    """
    return sorted((get(name) for name in names()), key=_order)


def _order(recipe: Recipe) -> tuple[int, str]:
    number = re.match(r"\d+", recipe.faq)
    return int(number[0]) if number else 0, recipe.faq
