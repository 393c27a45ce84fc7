"""Which of a cell's expressions are displayed: what ``InteractiveShell.ast_node_interactivity`` says."""

from __future__ import annotations

import ast
from typing import Any

Part = ast.Module | ast.Interactive | ast.Expression


def parted(tree: ast.Module, interactivity: str) -> list[Part]:
    """Part a cell as IPython runs it.

    Args:
        tree: the cell.
        interactivity: ``"all"``, ``"last"``, ``"last_expr"``, ``"last_expr_or_assign"`` or ``"none"``.

    Returns:
        The parts in order. An ``Interactive`` displays its expressions itself; the value of an
        ``Expression``, which can only be the last part, is for whoever runs the cell to display.
    """
    nodes = list(tree.body)
    if interactivity == "last_expr_or_assign":
        nodes += _assigned(nodes)
    last: list[Part] = []
    if interactivity != "none" and nodes and isinstance(end := nodes[-1], ast.Expr):
        del nodes[-1]
        last = [ast.Expression(end.value)]
    if interactivity == "all":
        return [*(ast.Interactive([node]) for node in nodes), *last]
    if interactivity == "last" and nodes and not last:
        # A loop or an if whose expressions are displayed.
        last = [ast.Interactive([nodes.pop()])]
    return [*([ast.Module(nodes, tree.type_ignores)] if nodes else []), *last]


def _assigned(nodes: list[ast.stmt]) -> list[ast.stmt]:
    """Return the name that the last statement assigns to, as a statement that displays it."""
    last = nodes[-1] if nodes else None
    target: Any = None
    if isinstance(last, ast.Assign) and len(last.targets) == 1:
        target = last.targets[0]
    elif isinstance(last, (ast.AnnAssign, ast.AugAssign)):
        target = last.target
    if last is None or not isinstance(target, ast.Name):
        return []
    name = ast.copy_location(ast.Name(target.id, ast.Load()), target)
    return [ast.copy_location(ast.Expr(name), last)]
