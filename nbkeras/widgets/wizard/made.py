"""Which variables of the notebook are whose: those that a form's code has made, and all others."""

from __future__ import annotations

import ast
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.own_names import bound, without_magics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbkeras.recipes.notebook import Notebook

# Recipe's name -> variable -> what its code gave it. A form that is shown again has them still.
_made: dict[str, dict[str, Any]] = {}


def remember(recipe: str, names: Iterable[str], notebook: Notebook) -> None:
    """Take note that a recipe's code has given these names to what they stand for now."""
    _made.setdefault(recipe, {}).update({name: notebook.value(name) for name in names})


def of(recipe: str) -> list[Any]:
    """Return what a recipe's code has made, the last thing first."""
    return list(reversed(_made.get(recipe, {}).values()))


def forget(variables: Mapping[str, Any]) -> None:
    """Let go of all that the notebook has by another name or no longer."""
    for made in _made.values():
        for name in [name for name, value in made.items() if variables.get(name) is not value]:
            del made[name]


def of_others(recipe: str, code: str, notebook: Notebook) -> set[str]:
    """Return the notebook's variables without what the recipe's code made, and what it imports anyway."""
    made = _made.get(recipe, {})
    imports = dict(_imports(code))
    return {
        name
        for name in notebook.every()
        if not (name in made and made[name] is notebook.value(name))
        and not (name in imports and _is_import(notebook.value(name), *imports[name]))
    }


def replaced(recipe: str, code: str, notebook: Notebook) -> list[str]:
    """Return the notebook's variables of others whose names the code gives anew."""
    others = of_others(recipe, code, notebook)
    return [name for name in bound(code) if name in others]


def _imports(code: str) -> Iterable[tuple[str, tuple[str, str]]]:
    for node in ast.walk(ast.parse(without_magics(code))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            for each in node.names:
                yield (each.asname or each.name).partition(".")[0], (module, each.name)


def _is_import(value: Any, module: str, name: str) -> bool:
    """Tell whether a value is what an import would give; keras and tf.keras are as good as each other."""
    there = getattr(sys.modules.get(module), name, value) if module else value
    if isinstance(value, ModuleType):
        return isinstance(there, ModuleType)
    return bool(module) and value is there
