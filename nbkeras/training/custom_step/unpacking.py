"""Finds where a step takes its batch apart by hand, which fails with sample weights or without."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS = (2, 3)


@dataclass(frozen=True, slots=True)
class Unpacking:
    """The statement that takes the batch apart.

    Args:
        statement: ``x, y = data``, or an ``if len(data) == 3`` with that in its branches.
        names: what the inputs, the targets and the sample weights are called.
    """

    statement: ast.Assign | ast.If
    names: tuple[str, str, str]

    @property
    def line(self) -> str:
        """What does the same for every batch: the weights are None where fit has none."""
        return f"{', '.join(self.names)} = keras.utils.unpack_x_y_sample_weight(data)"


def unpacking(tree: ast.Module) -> Unpacking | None:
    """Return the one statement of a step that takes the batch apart, None where there is none."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            found = _names(statement)
        elif isinstance(statement, ast.If) and _asks_length(statement.test):
            branches = [*statement.body, *statement.orelse]
            unpacked = [_names(each) for each in branches if not _sets_none(each)]
            # With something else in a branch the whole is the user's own affair.
            found = max((n for n in unpacked if n), key=len, default=None) if all(unpacked) else None
        else:
            continue
        if found:
            x, y, weights = [*found, "sample_weight"][:3]
            return Unpacking(statement, (x, y, weights))
    return None


def _names(statement: ast.stmt) -> list[str] | None:
    """Return the names of ``x, y = data`` and ``x, y, sample_weight = data``."""
    if not isinstance(statement, ast.Assign) or not _is_data(statement.value):
        return None
    (target,) = statement.targets[:1]
    names = list(_plain(target)) if isinstance(target, (ast.Tuple, ast.List)) else []
    return names if len(names) in _PARTS and len(statement.targets) == 1 else None


def _plain(target: ast.Tuple | ast.List) -> Iterator[str]:
    return (name.id for name in target.elts if isinstance(name, ast.Name))


def _asks_length(test: ast.expr) -> bool:
    """Tell whether a condition is about ``len(data)`` and nothing else."""
    calls = [node for node in ast.walk(test) if isinstance(node, ast.Call)]
    is_length = [ast.unparse(call) == "len(data)" for call in calls]
    return isinstance(test, ast.Compare) and is_length == [True]


def _sets_none(statement: ast.stmt) -> bool:
    is_none = isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
    return is_none and statement.value.value is None  # type: ignore[attr-defined]  # it is a constant


def _is_data(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "data"
