"""Puts the values to search into a cell: its own assignments ask KerasTuner instead."""

from __future__ import annotations

import ast
import difflib
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.code_edits import Edit, Source, without_magics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbkeras.training.tuning.space import Choices, Range


def marked(cell: str, space: Sequence[Choices | Range]) -> tuple[str, list[Choices | Range]]:
    r"""Return a cell whose assignments to the searched variables ask ``hp`` for a value.

    All lines stay where they are, so that a traceback points to the cell's own.

    Example:
        >>> from nbkeras.training.tuning.space import parse_search
        >>> cell, given = marked("units = 32  # wide\nbuild(units, lr)", parse_search("units=16|32 lr=0..1"))
        >>> print(cell)
        units = hp.Choice("units", [16, 32])  # wide
        build(units, lr)
        >>> [each.name for each in given]
        ['lr']

    Returns:
        The cell, and what it reads but does not assign: that has to be there before it runs.

    Raises:
        Refusal: for a variable that the cell neither reads nor assigns, or assigns in another way.
        SyntaxError: when the cell is no Python.
    """
    if not space:
        return cell, []
    tree = ast.parse(without_magics(cell))
    source = Source(cell)
    edits: list[Edit] = []
    given: list[Choices | Range] = []
    for each in space:
        values = list(_assigned(tree, each.name))
        edits += [Edit(source.start(value), source.end(value), each.code) for value in values]
        if not values:
            _refuse_unused(tree, each.name)
            given.append(each)
    return source.edited(edits), given


def _assigned(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    """Yield the values that the cell assigns to a variable, at its top level."""
    plain = []
    for node in _top_level(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets += [node.target] if isinstance(node, ast.AnnAssign) and node.value is not None else []
        if len(targets) == 1 and isinstance(targets[0], ast.Name) and targets[0].id == name:
            plain.append(targets[0])
            yield node.value  # type: ignore[attr-defined]  # both kinds have one
    for node in _top_level(tree):
        if not isinstance(node, ast.Name) or node.id != name or not isinstance(node.ctx, ast.Store):
            continue
        if node not in plain:
            text = (
                f"search: expected  {name} = …  on a line of its own, received another kind of assignment "
                f"in line {node.lineno} of the cell: write  {name} = …"
            )
            raise Refusal(text)


def _top_level(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those inside functions, classes and comprehensions: their names are their own."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _top_level(child)


_SCOPES = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


def _refuse_unused(tree: ast.Module, name: str) -> None:
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if name in used:
        return
    near = difflib.get_close_matches(name, used, n=1)
    mend = f"give {near[0]}" if near else f"write  {name} = …  in the cell"
    raise Refusal(f"search: expected a variable of the cell, received {name!r}: {mend}")
