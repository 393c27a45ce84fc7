"""How values go from name to name in a cell, and which of them can reach a training: by its syntax tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.reproducibility.proof import syntax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TRAINS = frozenset({"fit", "train_on_batch"})
_SEEDS = frozenset({"seed", "set_seed", "set_random_seed"})
# They show what they are given and leave it as it is.
_SHOWS = frozenset({"print", "display", "len", "repr", "str"})


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that holds no other: what it may change, what that may come from, whether it trains."""

    parts: tuple[ast.AST, ...]
    changes: frozenset[str]
    reads: frozenset[str]
    trains: bool


class Flow:
    """How values go from name to name in a cell, whatever the order of its statements."""

    def __init__(self, tree: ast.Module, is_module: Callable[[str], bool]) -> None:
        """Read a tree.

        Args:
            tree: of a cell.
            is_module: tells the names of modules, which only seeding changes.
        """
        self._is_module = is_module
        self.steps = list(self._steps(tree.body, frozenset()))
        training = [step for step in self.steps if step.trains]
        self._all = not training
        self._wanted = {name for step in training for name in step.reads}
        self._spread(self._wanted)
        counting = [part for step in self.steps if self._counts(step) for part in step.parts]
        self._nodes = {id(node) for part in counting for node in ast.walk(part)}

    def feeds(self, name: str) -> bool:
        """Tell whether a name's value may reach a training; each one does where the cell calls none."""
        return self._all or name in self._wanted

    def feeding(self, node: ast.AST) -> bool:
        """Tell whether a part of the tree may decide a training."""
        return self._all or id(node) in self._nodes

    def makers(self, name: str) -> Iterator[Step]:
        """Give the statements that may change what a name stands for, first lines first."""
        yield from (step for step in self.steps if name in step.changes)

    def reached_from(self, names: Iterable[str]) -> set[str]:
        """Return names and those whose values may come from them, where no training stands between."""
        found, before = set(names), -1
        while len(found) != before:
            before = len(found)
            for step in self.steps:
                if not step.trains and step.reads & found:
                    found |= step.changes
        return found

    def _counts(self, step: Step) -> bool:
        return step.trains or bool(step.changes & self._wanted)

    def _spread(self, wanted: set[str]) -> None:
        before = -1
        while len(wanted) != before:
            before = len(wanted)
            for step in self.steps:
                if step.changes & wanted:
                    wanted |= step.reads

    def _steps(self, body: list[ast.stmt], control: frozenset[str]) -> Iterator[Step]:
        for statement in body:
            inner = [] if isinstance(statement, _DEFINITIONS) else _blocks(statement)
            if not inner:
                yield self._step(statement, control)
                continue
            head = [each for each in ast.iter_child_nodes(statement) if isinstance(each, _HEADS)]
            # What a loop or a condition reads decides all that is in it.
            read = control.union(*map(_loaded, head))
            bound = frozenset(name for each in head for name in _stored(each))
            if bound:
                yield Step(tuple(head), bound, read, trains=False)
            for block in inner:
                yield from self._steps(block, read)

    def _step(self, statement: ast.stmt, control: frozenset[str]) -> Step:
        if isinstance(statement, _DEFINITIONS):
            changes = {statement.name}
        else:
            changes = {*_stored(statement), *self._receivers(statement)}
        trains = not isinstance(statement, _DEFINITIONS) and any(map(_is_training, ast.walk(statement)))
        return Step((statement,), frozenset(changes), control | _loaded(statement), trains)

    def _receivers(self, statement: ast.stmt) -> Iterator[str]:
        """Give the names whose objects a statement may change: ``items.append(1)``, ``shuffle(x)``."""
        for node in ast.walk(statement):
            if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
                yield from _root(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                names = list(_root(node.func))
                if node.func.attr in _SEEDS or not any(map(self._is_module, names)):
                    yield from names
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") not in _SHOWS:
            yield from (each.id for each in call.args if isinstance(each, ast.Name))


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_HEADS = (ast.expr, ast.withitem, ast.match_case)


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    parts: list[ast.AST] = [statement, *getattr(statement, "handlers", []), *getattr(statement, "cases", [])]
    found = (getattr(part, name, []) for part in parts for name in ("body", "orelse", "finalbody"))
    return [block for block in found if block]


def _loaded(node: ast.AST) -> frozenset[str]:
    if isinstance(node, ast.match_case):
        return frozenset()
    names = (each for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load))
    added = (
        {node.target.id} if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) else set()
    )
    return frozenset({name.id for name in names} | added)


def _stored(node: ast.AST) -> set[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {name for name, _ in syntax.imports(node)}
    names = (
        each for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    )
    return {name.id for name in names}


def _root(node: ast.expr) -> Iterator[str]:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id


def _is_training(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") in TRAINS
