"""Where code names what it has at its outermost level, and the same code with other names for it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.FunctionDef, ast.Lambda, ast.ClassDef, *_COMPREHENSIONS)
# What stands in braces within an f-string; doubled braces are text.
_FIELD = re.compile(r"\{\{|\}\}|\{[^{}]*\}")


def bindings(scope: ast.AST) -> Iterator[str]:
    """Yield the names that a module, a function or a class binds itself, not those of scopes within it."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)):
            yield from [node.name] if node.name else []
        if not isinstance(node, _SCOPES):
            yield from bindings(node)


def renamed(code: str, tree: ast.Module, others: Mapping[str, str]) -> str:
    """Return code with other names for some that it has at its outermost level.

    Comments, texts, and names that mean something else within a function stay as they are.

    Example:
        >>> code = "x = 1; print(x, f'{x}', [x for x in 'ab'])"
        >>> print(renamed(code, ast.parse(code), {"x": "y"}))
        y = 1; print(y, f'{y}', [x for x in 'ab'])
    """
    if not others:
        return code
    search = _Search(code, others)
    search.visit(tree)
    # From the end, so that places before stay where they are; in bytes, as Python counts columns.
    data = code.encode()
    for start, end, text in sorted(search.found, reverse=True):
        data = data[:start] + text.encode() + data[end:]
    return data.decode()


class _Search(ast.NodeVisitor):
    """Finds what to put where: a list of (first byte, byte behind the last, text)."""

    def __init__(self, code: str, others: Mapping[str, str]) -> None:
        self.found: list[tuple[int, int, str]] = []
        self._data = code.encode()
        self._lines = [0]
        for line in code.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line.encode()))
        self._others = dict(others)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self._others:
            self.found.append((*self._span(node), self._others[node.id]))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        # Before Python 3.12 what is within has no place of its own.
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} & set(self._others)
        if names:
            start, end = self._span(node)
            text = self._data[start:end].decode()
            self.found.append((start, end, _FIELD.sub(lambda field: self._field(field[0], names), text)))

    def visit_alias(self, node: ast.alias) -> None:
        name = (node.asname or node.name).partition(".")[0]
        if name in self._others:
            self.found.append((*self._span(node), f"{node.name} as {self._others[name]}"))

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._named(node, "as")
        self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._named(node, "class")
        for each in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(each)
        outside, inside = self._others, self._without(set(bindings(node)))
        for each in node.body:
            self._others = inside
            if isinstance(each, ast.FunctionDef):
                self._before(each)
                # What a class binds is not seen in its methods.
                self._others = outside
                self._body(each)
            else:
                self.visit(each)
        self._others = outside

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._named(node, "def")
        self._before(node)
        self._body(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._before(node)
        self._body(node)

    def _before(self, node: Any) -> None:
        """Visit what is there before a function is."""
        for each in (*getattr(node, "decorator_list", []), *node.args.defaults, *node.args.kw_defaults):
            if each is not None:
                self.visit(each)

    def _body(self, node: Any) -> None:
        arguments = {each.arg for each in ast.walk(node.args) if isinstance(each, ast.arg)}
        self._within(node, arguments, node.body if isinstance(node.body, list) else [node.body])

    def generic_visit(self, node: ast.AST) -> None:
        if not isinstance(node, _COMPREHENSIONS):
            super().generic_visit(node)
            return
        first, *_ = node.generators
        self.visit(first.iter)
        targets = {name for each in node.generators for name in bindings(each)}
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        rest = [part for each in node.generators for part in (each.iter, *each.ifs) if part is not first.iter]
        self._within(ast.Pass(), targets, [*rest, *results])

    def _within(self, scope: ast.AST, names: set[str], nodes: list[Any]) -> None:
        outside = self._others
        self._others = self._without(names | set(bindings(scope)))
        for each in nodes:
            self.visit(each)
        self._others = outside

    def _without(self, names: set[str]) -> dict[str, str]:
        return {name: other for name, other in self._others.items() if name not in names}

    def _named(self, node: Any, word: str) -> None:
        """Find the name of a statement, which comes behind a word."""
        if node.name in self._others:
            start, end = self._span(node)
            found = re.compile(rf"\b{word}\s+({node.name})\b".encode()).search(self._data, start, end)
            if found:
                self.found.append((*found.span(1), self._others[node.name]))

    def _span(self, node: Any) -> tuple[int, int]:
        return (
            self._lines[node.lineno - 1] + node.col_offset,
            self._lines[node.end_lineno - 1] + node.end_col_offset,
        )

    def _field(self, text: str, names: set[str]) -> str:
        for name in names:
            text = re.sub(rf"(?<![\w.'\"]){name}(?![\w'\"])", self._others[name], text)
        return text
