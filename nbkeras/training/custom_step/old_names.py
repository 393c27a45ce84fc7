"""Recognises the step of Keras 2 (``compiled_loss``, ``compiled_metrics``) and rewrites it for Keras 3.

Keras 3.15 still has both names, and trains right with them. But its ``compiled_metrics.update_state`` feeds
each ``Mean`` of the model with the predictions, the one that holds the loss among them: the loss in the
bars, the history and the callbacks is then the mean of the predictions. The loop over ``self.metrics`` that
the warning recommends is wrong as well: it takes the targets for losses and the predictions for weights.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.training.code_edits import Edit, Source, without_magics
from nbkeras.training.custom_step.unpacking import unpacking

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.custom_step.unpacking import Unpacking

REASON = (
    "In Keras 3, compiled_metrics.update_state(y, y_pred), and a loop that calls update_state(y, y_pred) of "
    "every metric, update the metric that holds the loss too: what is logged as loss is then a mean of the "
    "predictions or targets, and callbacks that watch it go wrong. compiled_loss logs no loss at all. "
    "compute_loss and compute_metrics are right."
)


@dataclass(frozen=True, slots=True)
class OldStep:
    """What an old step uses, and how it is written for Keras 3: None where the text does not tell."""

    names: tuple[str, ...]
    rewritten: str | None


def old_step(text: str, line: Line = "keras") -> OldStep | None:
    """Return what a body has of Keras 2, None where it has nothing of it.

    Args:
        text: the body.
        line: the Keras line that it is to be rewritten for. Default Keras 3.

    Raises:
        SyntaxError: when the text is no Python.
    """
    tree = ast.parse(without_magics(text))
    losses = [c for c in _calls(tree) if _is_self(c.func, "compiled_loss")]
    metrics = [c for c in _calls(tree) if _updates_compiled_metrics(c)]
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.For) and _updates_every_metric(node)]
    names = ["self.compiled_loss"] * bool(losses) + ["self.compiled_metrics"] * bool(metrics)
    names += ["for metric in self.metrics"] * bool(loops)
    return OldStep(tuple(names), _rewritten(text, tree, line)) if names else None


def _rewritten(text: str, tree: ast.Module, line: Line) -> str | None:
    source = Source(text)
    statement = next((s for s in ast.walk(tree) if _is_loss(s)), None)
    if not isinstance(statement, (ast.Assign, ast.Expr)) or not isinstance(statement.value, ast.Call):
        return None
    call = statement.value
    target = statement.targets[0] if isinstance(statement, ast.Assign) else ast.Name("loss")
    if not isinstance(target, ast.Name):
        return None
    loss, parts = target.id, unpacking(tree)
    given = _arguments(call, ("y", "y_pred", "sample_weight"), parts)
    if _is_self(call.func, "compute_loss"):
        given = _arguments(call, ("x", "y", "y_pred", "sample_weight"), parts)
    if "y_pred" not in given:
        return None
    edits = []
    if parts is not None:
        # Taken apart by hand, it fails with sample weights or without.
        edits.append(Edit(*_place(source, parts.statement), parts.line))
    if isinstance(statement, ast.Expr):
        edits.append(Edit(source.start(call), source.start(call), f"{loss} = "))
    if _is_self(call.func, "compiled_loss"):
        written = ", ".join(f"{name}={value}" for name, value in {**_x(tree, parts), **given}.items())
        edits.append(Edit(source.start(call), source.end(call), f"self.compute_loss({written})"))
    indent = source.indent(call)
    # As the built-in step does: inside the loss's own block, each batch by its number of samples.
    tracker = (
        f"\n{indent}for metric in self.metrics:\n{indent}    if metric.name == 'loss':\n"
        f"{indent}        metric.update_state({loss}, sample_weight=tf.shape({given['y_pred']})[0])"
    ).replace("'", '"')
    # The compute_loss of tf_keras updates that metric itself.
    if line == "keras" and not _tracks(tree, loss):
        edits.append(Edit(source.end(call), source.end(call), tracker))
    edits += _metric_edits(source, tree, parts)
    return source.edited(edits)


def _metric_edits(source: Source, tree: ast.Module, parts: Unpacking | None) -> Iterator[Edit]:
    for node in ast.walk(tree):
        update = _metric_update(node)
        if update is not None:
            names = _arguments(update, ("y", "y_pred", "sample_weight"), parts)
            yield Edit(*_place(source, node), _compute_metrics(names, _x(tree, parts)))


def _metric_update(node: ast.AST) -> ast.Call | None:
    """Return the call that updates the metrics, where a node is the whole of an update."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return node.value if _updates_compiled_metrics(node.value) else None
    return _updates_every_metric(node) if isinstance(node, ast.For) else None


def _compute_metrics(given: dict[str, str], inputs: dict[str, str]) -> str:
    x = inputs.get("x", "None")
    # tf_keras takes no call without sample_weight.
    rest = [given.get(name, "None") for name in ("y", "y_pred", "sample_weight")]
    return f"self.compute_metrics({', '.join([x, *rest])})"


def _place(source: Source, node: ast.AST) -> tuple[int, int]:
    assert isinstance(node, ast.stmt)  # noqa: S101 - what its callers let through
    start = source.place(node.lineno, node.col_offset)
    return start, source.place(node.end_lineno or node.lineno, node.end_col_offset or 0)


def _is_loss(node: ast.AST) -> bool:
    """Tell whether a statement works out the loss, with a name for it or without."""
    is_one = isinstance(node, ast.Expr) or (isinstance(node, ast.Assign) and len(node.targets) == 1)
    call = node.value if is_one else None  # type: ignore[attr-defined]  # both have one
    return isinstance(call, ast.Call) and (
        _is_self(call.func, "compiled_loss") or _is_self(call.func, "compute_loss")
    )


def _tracks(tree: ast.Module, loss: str) -> bool:
    """Tell whether the body gives the loss to a metric already."""
    updates = [c for c in _calls(tree) if isinstance(c.func, ast.Attribute) and c.func.attr == "update_state"]
    return any(c.args and isinstance(c.args[0], ast.Name) and c.args[0].id == loss for c in updates)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _is_self(node: ast.expr, attribute: str) -> bool:
    """Tell whether an expression is ``self.<attribute>``."""
    is_it = isinstance(node, ast.Attribute) and node.attr == attribute
    return is_it and isinstance(node.value, ast.Name) and node.value.id == "self"  # type: ignore[attr-defined]


def _updates_compiled_metrics(call: ast.Call) -> bool:
    function = call.func
    is_update = isinstance(function, ast.Attribute) and function.attr == "update_state"
    return is_update and _is_self(function.value, "compiled_metrics")  # type: ignore[attr-defined]


def _updates_every_metric(loop: ast.For) -> ast.Call | None:
    """Return the call of a loop that does nothing but update each metric of the model alike."""
    if not _is_self(loop.iter, "metrics") or not isinstance(loop.target, ast.Name) or len(loop.body) != 1:
        return None
    statement = loop.body[0]
    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    owner = call.func.value
    is_metric = isinstance(owner, ast.Name) and owner.id == loop.target.id
    takes_both = len(call.args) + len(call.keywords) > 1
    return call if is_metric and call.func.attr == "update_state" and takes_both else None


def _arguments(call: ast.Call, names: tuple[str, ...], parts: Unpacking | None) -> dict[str, str]:
    given = {name: ast.unparse(value) for name, value in zip(names, call.args, strict=False)}
    given |= {k.arg: ast.unparse(k.value) for k in call.keywords if k.arg in names}
    if parts is not None:
        given.setdefault("sample_weight", parts.names[2])
    return given


def _x(tree: ast.Module, parts: Unpacking | None) -> dict[str, str]:
    if parts is not None:
        return {"x": parts.names[0]}
    return {"x": "x"} if any(isinstance(n, ast.Name) and n.id == "x" for n in ast.walk(tree)) else {}
