"""Counts the fits of a cell before it runs: a trial has one."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.code_edits import without_magics
from nbkeras.training.code_names import Names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def refuse_several_fits(cell: str, namespace: Mapping[str, Any]) -> None:
    """Refuse a cell that is sure to fit models more than once.

    Sure are calls in statements of the cell's own, whose model is one of the notebook or is compiled in the
    cell. Of those in branches, loops and functions only a trial can tell.

    Example:
        >>> refuse_several_fits("model = build(); model.compile(); model.fit(x)", {})

    Args:
        cell: the source of the cell.
        namespace: the notebook's variables.

    Raises:
        Refusal: for two or more.
        SyntaxError: when the cell is no Python.
    """
    tree = ast.parse(without_magics(cell))
    names = Names(tree, namespace)
    calls = list(_method_calls(tree))
    compiled = {ast.unparse(call.value) for call in calls if call.attr == "compile"}
    fits = [
        call
        for call in calls
        if call.attr == "fit" and (ast.unparse(call.value) in compiled or is_model(names.value(call.value)))
    ]
    if len(fits) > 1:
        shown = ", ".join(f"{ast.unparse(fit)}(…)" for fit in fits)
        text = (
            f"expected a cell with one fit, received {len(fits)} of them ({shown}): "
            "put the other one into a cell of its own"
        )
        raise Refusal(text)


def _method_calls(tree: ast.Module) -> Iterator[ast.Attribute]:
    """Yield what is called in statements that run exactly once."""
    for statement in tree.body:
        if isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign)):
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    yield node.func
