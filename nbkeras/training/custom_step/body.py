"""The body of a step as it was written: read, refused where it can't be one, never run here."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["train", "test"]
GIVEN = ("x", "y", "sample_weight")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Body:
    """The statements of a step, with the place that a traceback of theirs will name.

    Args:
        kind: which step it is the body of.
        text: the source, without a magic line.
        filename: the name under which Python knows the source.
        namespace: the variables that the body sees, looked up when it runs.
        tree: the parsed source, with the line numbers of ``filename``; by default that of the text.
    """

    kind: Kind
    text: str
    filename: str
    namespace: dict[str, Any]
    tree: ast.Module = field(repr=False)

    @property
    def method(self) -> str:
        """The method that it is the body of."""
        return f"{self.kind}_step"

    @property
    def unpacks(self) -> bool:
        """Whether it reads x, y or sample_weight before it sets them itself."""
        bound: set[str] = set()
        for statement in self.tree.body:
            names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
            if any(n.id in GIVEN and n.id not in bound and isinstance(n.ctx, ast.Load) for n in names):
                return True
            bound |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        return False

    @property
    def free_names(self) -> set[str]:
        """The names that it takes from the notebook or from an import."""
        names = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        bound |= {"self", "data", "super", *GIVEN, *_imported(self.tree), *vars(builtins)}
        return {node.id for node in names} - bound


def read_body(
    kind: Kind, text: str, *, filename: str, namespace: dict[str, Any], tree: ast.Module | None = None
) -> Body:
    """Return the body, once it can be the body of a step.

    Raises:
        SyntaxError: when it is no Python.
        Refusal: when it is a whole method or class, returns nothing, yields or awaits.
    """
    tree = ast.parse(text, filename) if tree is None else tree
    refuse_whole(kind, tree)
    method = f"{kind}_step"
    own = list(_own_nodes(tree))
    if any(isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)) for node in own):
        text_ = f"expected a body that returns, received one with yield or await: return a dict in {method}"
        raise Refusal(text_)
    if not any(isinstance(node, ast.Return) and node.value is not None for node in own):
        refusal = (
            "expected a body that returns a dict of metrics, received one that returns nothing: end it with  "
            "return self.compute_metrics(x, y, y_pred, sample_weight)"
        )
        raise Refusal(refusal)
    return Body(kind, text, filename, namespace, tree)


def refuse_whole(kind: Kind, tree: ast.Module) -> None:
    """Refuse what holds a step instead of being the body of one.

    Raises:
        Refusal: for a method, or a class with one.
    """
    method = f"{kind}_step"
    if _has_method(tree, method):
        text = (
            f"expected the body of {method}, received the whole method: leave out the line  "
            f"def {method}(self, data):  and unindent what stands under it"
        )
        raise Refusal(text)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    whole = next((node for node in classes if _has_method(node, method)), None)
    if whole is not None:
        text = (
            f"expected the body of {method}, received the whole class {whole.name}: leave out the lines  "
            f"class {whole.name}  and  def {method}(self, data):  and unindent what stands under them; "
            f"nbkeras.try_step tries a model of a class as it is"
        )
        raise Refusal(text)


def _has_method(node: ast.Module | ast.ClassDef, name: str) -> bool:
    return any(isinstance(each, ast.FunctionDef) and each.name == name for each in node.body)


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what belongs to the step itself, not to functions that it defines."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _SCOPES):
            yield child
            yield from _own_nodes(child)


def _imported(tree: ast.Module) -> set[str]:
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
