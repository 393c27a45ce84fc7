"""The names that code gives to things of its own, and others for those that are in use already."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from nbkeras.recipes.scopes import bindings, renamed

if TYPE_CHECKING:
    from collections.abc import Collection

_MARK = re.compile(r"picked_\d+_by_nbk_")


def marked(name: str, number: int = 0) -> str:
    """Return a name of the notebook's as a template gets it: told from the code's own of the same name.

    Args:
        name: the variable's.
        number: another one for each variable, to tell what the code calls after it from the others.
    """
    return f"picked_{number}_by_nbk_{name}"


def bound(code: str) -> list[str]:
    """Return the names that code binds where it runs, imports included, in their order.

    Example:
        >>> bound("import os; x = [y for y in [1, 2]]")
        ['os', 'x']
    """
    return list(dict.fromkeys(bindings(ast.parse(without_magics(code)))))


def apart(code: str, taken: Collection[str]) -> str:
    """Return code that gives none of the names that are taken to its own things: those get a number.

    Example:
        >>> apart(f"data = {marked('data')}.batch(2)", ["data"])
        'data_2 = data.batch(2)'

    Args:
        code: with names of the notebook marked; cell magics at its top stay as they are.
        taken: the names that the code is to leave alone.
    """
    body = without_magics(code)
    tree = ast.parse(body)
    mentioned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    mentioned |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    used = {*mentioned, *taken, *vars(builtins)}
    others: dict[str, str] = {}
    for name in dict.fromkeys(bindings(tree)):
        # What is called after something of the notebook's may have the name of another.
        plain = _MARK.sub("", name)
        if plain in taken:
            others[name] = _free(plain, {*used, *others.values()})
    return _MARK.sub("", code.removesuffix(body) + renamed(body, tree, others))


def _free(name: str, used: Collection[str]) -> str:
    stem, number = re.sub(r"_\d+$", "", name), 2
    while f"{stem}_{number}" in used:
        number += 1
    return f"{stem}_{number}"


def without_magics(code: str) -> str:
    """Return code without the cell magics at its top."""
    lines = code.lstrip("\n").splitlines(keepends=True)
    below = next((i for i, line in enumerate(lines) if not line.startswith("%")), len(lines))
    return "".join(lines[below:])
