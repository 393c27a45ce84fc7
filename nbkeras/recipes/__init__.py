"""The questions of the Keras FAQ as recipes: an answer, parameters, and plain Keras code made from them.

Example:
    >>> import nbkeras
    >>> recipe = nbkeras.recipes.get("early_stopping")
    >>> "EarlyStopping" in recipe.code(patience=5)
    True

"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbkeras.recipes.catalogue import all, get, names
    from nbkeras.recipes.recipe import Recipe
    from nbkeras.recipes.searching import search

__all__ = ["Recipe", "all", "get", "names", "search"]

# Nothing below is imported before it is used: jinja2 is not for %load_ext to wait for.
_HOMES = {"Recipe": "recipe", "search": "searching"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'catalogue')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
