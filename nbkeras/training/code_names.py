"""What is known of the names in a cell that has not run: from the notebook, and from the cell's own text.

Nothing is imported and nothing of the user's is called: what would take that is unknown.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from nbkeras.runtime.keras_lines import LINES, is_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNKNOWN: Final[Any] = object()


class Names:
    """The names of one cell, with the notebook's variables behind them."""

    def __init__(self, tree: ast.Module, namespace: Mapping[str, Any]) -> None:
        """Read which names the cell binds itself."""
        self._namespace = namespace
        self._bound = Counter(name for node in ast.walk(tree) for name in _bound_by(node))
        self._made = {name: node for statement in tree.body for name, node in _made_by(statement)}
        self._makers: dict[str, list[ast.expr]] = {}
        for statement in tree.body:
            for name, node in _made_by(statement):
                if isinstance(node, ast.expr):
                    self._makers.setdefault(name, []).append(node)
        self._functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        self._imported = dict(pair for node in ast.walk(tree) for pair in _imported_by(node))

    def value(self, node: ast.expr) -> Any:
        """Return what an expression will be, `UNKNOWN` where only running the cell can tell.

        A list in the text is returned as a list of what is known of its members.
        """
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._named(node)
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            # Of other things than modules, to read an attribute may be to run code.
            return vars(owner).get(node.attr, UNKNOWN) if isinstance(owner, ModuleType) else UNKNOWN
        if isinstance(node, (ast.List, ast.Tuple, ast.ListComp)):
            return [self.value(member) for member in getattr(node, "elts", ())]
        return self._mapping(node) if isinstance(node, (ast.Dict, ast.Call)) else UNKNOWN

    def is_other(self, node: ast.expr) -> bool:
        """Tell whether an expression is known to be something else than a Keras model."""
        value = self.value(node)
        if value is not UNKNOWN:
            return not is_model(value)
        made = self._maker(node) if isinstance(node, ast.Name) else None
        if isinstance(made, ast.expr):
            return self.is_other(made)
        return self._makes_other(node.func) if isinstance(node, ast.Call) else self._is_foreign(node)

    def made(self, name: ast.Name) -> ast.expr | ast.FunctionDef | None:
        """Return what the cell makes a name of last before, or the function of that name."""
        if name.id in self._functions and self._bound[name.id] == 1:
            return self._functions[name.id]
        makers = self._makers.get(name.id, [])
        if len(makers) != self._bound[name.id]:
            return None
        here = (name.lineno, name.col_offset)
        before = [each for each in makers if (each.end_lineno or 0, each.end_col_offset or 0) <= here]
        return before[-1] if before else None

    def _named(self, name: ast.Name) -> Any:
        if name.id not in self._bound:
            return self._namespace.get(name.id, UNKNOWN)
        if self._bound[name.id] == 1 and name.id in self._imported:
            module, member = self._imported[name.id]
            loaded = sys.modules.get(module)
            return UNKNOWN if loaded is None else vars(loaded).get(member, UNKNOWN) if member else loaded
        made = self._maker(name)
        return self.value(made) if isinstance(made, ast.expr) else UNKNOWN

    def _maker(self, name: ast.Name) -> ast.expr | ast.ClassDef | None:
        """Return what the cell makes a name of, where it does so once and before."""
        made = self._made.get(name.id)
        if made is None or self._bound[name.id] != 1:
            return None
        is_before = (made.end_lineno or 0, made.end_col_offset or 0) <= (name.lineno, name.col_offset)
        return made if is_before else None

    def _mapping(self, node: ast.Dict | ast.Call) -> Any:
        if isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            values = node.values
        elif isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
            keys = [keyword.arg for keyword in node.keywords]
            values = [keyword.value for keyword in node.keywords]
        else:
            return UNKNOWN
        if None in keys:
            return UNKNOWN
        return {key: self.value(value) for key, value in zip(keys, values, strict=True)}

    def _makes_other(self, function: ast.expr) -> bool:
        """Tell whether a class is known to be none of Keras models."""
        value = self.value(function)
        if isinstance(value, type):
            models = [getattr(sys.modules.get(line), "Model", None) for line in LINES]
            return not any(isinstance(model, type) and issubclass(value, model) for model in models)
        made = self._maker(function) if isinstance(function, ast.Name) else None
        if isinstance(made, ast.ClassDef):
            return all(self._makes_other(base) for base in made.bases)
        return self._is_foreign(function)

    def _is_foreign(self, node: ast.expr) -> bool:
        """Tell whether an expression begins with a name of an installed package that is none of Keras's."""
        while isinstance(node, (ast.Attribute, ast.Call)):
            if isinstance(node, ast.Attribute) and "keras" in node.attr:
                return False
            node = node.value if isinstance(node, ast.Attribute) else node.func
        if not isinstance(node, ast.Name):
            return False
        made = self._maker(node)
        if isinstance(made, ast.expr):
            return self._is_foreign(made)
        if self._bound[node.id] == 1 and node.id in self._imported:
            return _is_foreign_package(self._imported[node.id][0])
        return node.id not in self._bound and _is_foreign_package(_module_of(self._namespace.get(node.id)))


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)):
        yield from filter(None, [node.name])
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from (name for name, _ in _imported_by(node))


def _imported_by(node: ast.AST) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the names that an import binds, with the module and, for ``from``, the member."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            root = alias.name.partition(".")[0]
            yield (alias.asname, (alias.name, "")) if alias.asname else (root, (root, ""))
    elif isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        yield from ((alias.asname or alias.name, (module, alias.name)) for alias in node.names)


def _made_by(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | ast.ClassDef]]:
    # Only what stands on its own: under an if or in a loop, it may be made or not.
    if isinstance(statement, ast.ClassDef):
        yield statement.name, statement
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value and isinstance(statement.target, ast.Name):
        yield statement.target.id, statement.value


def _module_of(value: Any) -> str:
    if isinstance(value, ModuleType):
        return value.__name__
    maker = value if isinstance(value, (type, FunctionType, BuiltinFunctionType)) else type(value)
    return maker.__module__ or ""


def _is_foreign_package(module: str) -> bool:
    root = module.partition(".")[0]
    if not root or "keras" in module or root.startswith("tensorflow"):
        return False
    try:
        # Finding a package without a dot in its name runs none of it.
        spec = importlib.util.find_spec(root)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = [spec.origin or "", *(spec.submodule_search_locations or [])]
    # The user's own files, and Python's (copy.deepcopy, functools.partial), may well give a model.
    return any({"site-packages", "dist-packages"} & set(Path(place).parts) for place in places)
