"""Which way is better for the metrics of a model that a cell trains, told without running the cell."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbkeras.runtime.keras_lines import is_model
from nbkeras.training.metric_names import compiled_directions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.runs.vocabulary import Direction
    from nbkeras.training.code_names import Names

# Of the arguments of compile, those before the metrics on both lines: optimizer and loss.
_BEFORE_METRICS = 2
_PLAIN = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.expr_context)


def directions_in(tree: ast.Module, model: ast.expr, names: Names) -> Mapping[str, Direction] | None:
    """Return what the metric objects of a model say of themselves, None where only running can tell.

    Args:
        tree: the cell.
        model: the expression that stands for the model in it.
        names: what is known of the cell's names.
    """
    compiles = [call for call in ast.walk(tree) if _is_compile(call, names)]
    if not compiles:
        value = names.value(model)
        return compiled_directions(value) if is_model(value) else None
    # The cell compiles anew. A metric that is named has no object yet that could say anything.
    return {} if all(_names_its_metrics(call) for call in compiles) else None


def _is_compile(node: ast.AST, names: Names) -> bool:
    is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    # Not re.compile.
    return is_call and node.func.attr == "compile" and not names.is_other(node.func.value)  # type: ignore[attr-defined]


def _names_its_metrics(call: ast.AST) -> bool:
    assert isinstance(call, ast.Call)  # noqa: S101 - only such nodes are chosen
    if len(call.args) > _BEFORE_METRICS or any(keyword.arg is None for keyword in call.keywords):
        return False
    given = [each.value for each in call.keywords if each.arg in {"metrics", "weighted_metrics"}]
    return all(isinstance(part, _PLAIN) for value in given for part in ast.walk(value))
