"""Questions to the syntax tree of a cell."""

from __future__ import annotations

import ast
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def imports(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Give the names that imports bind, each with what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.partition(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def loads(statement: ast.stmt) -> Iterator[tuple[str, int]]:
    """Give the names that a statement reads when it runs, each with its line."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id, node.lineno
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno
        waiting += ast.iter_child_nodes(node)


def bound(body: list[ast.stmt]) -> Iterator[str]:
    """Give the names that statements bind when they run."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def taker(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """Tell what takes a value: a sum that is no difference, a list, or a call that does more than show."""
    above = [node]
    while above[-1] in parents and not isinstance(parents[above[-1]], ast.stmt):
        above.append(parents[above[-1]])
    if any(_only_shows(parent, child) for child, parent in itertools.pairwise(above)):
        return "text"
    for child, parent in itertools.pairwise(above):
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub):
            return "difference"
        if isinstance(parent, ast.Call) and child is not parent.func:
            return "list" if _collects(parent) else "call"
        if isinstance(parent, (ast.BinOp, ast.Subscript)):
            return "sum"
    return "name" if isinstance(parents.get(above[-1]), (ast.Assign, ast.AnnAssign)) else ""


def collected(tree: ast.AST, nodes: set[int]) -> Iterator[str]:
    """Give the names of the lists to which some parts of a tree are appended."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _collects(call) and nodes & {id(node) for node in ast.walk(call)}:
            yield from (each.id for each in ast.walk(call.func) if isinstance(each, ast.Name))


def _collects(call: ast.Call) -> bool:
    return getattr(call.func, "attr", "") in {"append", "add"}


def _only_shows(parent: ast.AST, child: ast.AST) -> bool:
    """Tell the name of a folder, what is printed, and how long is waited."""
    if isinstance(parent, ast.Call) and child is not parent.func:
        name = getattr(parent.func, "attr", getattr(parent.func, "id", ""))
        return name in {"print", "sleep"}
    return isinstance(parent, ast.JoinedStr) or getattr(parent, "attr", "") in {"strftime", "isoformat"}


def is_handed_over(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Tell what is given to a call, which may call it in turn."""
    parent = parents.get(node)
    return isinstance(parent, ast.keyword) or (isinstance(parent, ast.Call) and node is not parent.func)


def is_ordered(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Tell a set whose order nobody sees: it is sorted, counted, or asked what is in it."""
    parent = parents.get(node)
    if isinstance(parent, ast.Call) and node is not parent.func:
        return getattr(parent.func, "id", "") in {"sorted", "len", "min", "max", "sum", "any", "all", "set"}
    return isinstance(parent, ast.Compare)


def says_none(node: ast.expr) -> bool:
    """Tell a written None."""
    return isinstance(node, ast.Constant) and node.value is None


def says_false(node: ast.expr) -> bool:
    """Tell a written False."""
    return isinstance(node, ast.Constant) and node.value is False


def is_difference(statement: ast.AST, names: set[str]) -> bool:
    """Tell a statement that binds a difference of two of some names."""
    value = getattr(statement, "value", None)
    both = [value.left, value.right] if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Sub) else []
    return bool(both) and all(isinstance(each, ast.Name) and each.id in names for each in both)


def writes(node: ast.Call) -> bool:
    """Tell an ``open`` that writes, by its mode."""
    modes = [*node.args[1:2], *(each.value for each in node.keywords if each.arg == "mode")]
    return any(isinstance(each, ast.Constant) and set("wax+") & set(str(each.value)) for each in modes)
