"""Rewrites a cell into the plain Keras code that does what its options ask for."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import active_line, is_model
from nbkeras.training.added import added_callbacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.training.options import FitOptions

# Positions of the arguments of fit, evaluate and predict that options set, after self.
_POSITIONS = {
    "fit": {"batch_size": 2, "epochs": 3, "callbacks": 5, "validation_split": 6, "validation_data": 7},
    "evaluate": {"batch_size": 2},
    "predict": {"batch_size": 1},
}

_TIME_LIMIT = '''\
class TimeLimit(keras.callbacks.Callback):
    """Stops the training after a number of seconds."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self.deadline = time.monotonic() + self.seconds

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() >= self.deadline:
            self.model.stop_training = True
'''


@dataclass(frozen=True, slots=True)
class _Edit:
    line: int
    column: int
    text: str


def plain_code(cell: str, options: FitOptions, namespace: Mapping[str, Any]) -> str:
    """Return a cell's code with the options written out as Keras arguments and callbacks.

    The cell's own text stays as it is, comments and all. A ``.fit`` of something that is known not to be
    a Keras model (a scikit-learn scaler, say) is left alone.

    Args:
        cell: the Python source of the cell.
        options: what the magic line asks for.
        namespace: the notebook's variables, to tell models from other things.

    Raises:
        SyntaxError: when the cell is no Python.
    """
    tree = ast.parse(cell)
    edits: list[_Edit] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _trains(node, namespace):
            edits += _edits_of(node, options, cell.splitlines())
    body = _apply(cell, edits)
    return _prelude(tree, body, namespace) + body


def _trains(call: ast.Call, namespace: Mapping[str, Any]) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in _POSITIONS:
        return False
    owner = function.value
    if isinstance(owner, ast.Name) and owner.id in namespace:
        return is_model(namespace[owner.id])
    # Made in the cell itself, or reached through an attribute: a call named fit is taken for Keras's,
    # but not super().fit, which is inside a class that the outer call reaches.
    return not (isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super")


def _edits_of(call: ast.Call, options: FitOptions, lines: list[str]) -> list[_Edit]:
    assert isinstance(call.func, ast.Attribute)  # noqa: S101 - _trains has seen to it
    kind = call.func.attr
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    given |= {name: call.args[i] for name, i in _POSITIONS[kind].items() if i < len(call.args)}
    new = []
    if options.epochs is not None and kind == "fit" and "epochs" not in given:
        new.append(f"epochs={options.epochs}")
    if options.batch_size is not None and "batch_size" not in given:
        new.append(f"batch_size={options.batch_size}")
    edits: list[_Edit] = []
    if kind == "fit":
        has_validation = "validation_data" in given or "validation_split" in given
        callbacks = [c.code for c in added_callbacks(options, has_validation=has_validation)]
        if options.max_time is not None:
            callbacks.append(f"TimeLimit({options.max_time:g})")
        edits, argument = _callbacks(given.get("callbacks"), callbacks, _indent(call, lines))
        new += argument
    return edits + _arguments(call, new, _indent(call, lines), lines)


def _callbacks(own: ast.expr | None, new: list[str], indent: str) -> tuple[list[_Edit], list[str]]:
    """Join callbacks to those that the call has; else return them as an argument."""
    if not new:
        return [], []
    if own is None:
        inner = "".join(f"\n{indent}        {code}," for code in new)
        return [], [f"callbacks=[{inner}\n{indent}    ]"]
    begin = _Edit(own.lineno, own.col_offset, "[*(")
    end = _Edit(own.end_lineno or 0, own.end_col_offset or 0, "), " + ", ".join(new) + "]")
    return [begin, end], []


def _arguments(call: ast.Call, new: list[str], indent: str, lines: list[str]) -> list[_Edit]:
    """Put arguments before the call's closing parenthesis."""
    if not new:
        return []
    end_line, end_column = call.end_lineno or 0, (call.end_col_offset or 1) - 1
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    comma = "," if given and not _ends_with_comma(call, given, lines) else ""
    text = comma + "".join(f"\n{indent}    {argument}," for argument in new) + f"\n{indent}"
    return [_Edit(end_line, end_column, text)]


def _ends_with_comma(call: ast.Call, given: list[ast.expr], lines: list[str]) -> bool:
    last = max(given, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0))
    first, column = (last.end_lineno or 1) - 1, last.end_col_offset or 0
    rest = [line.encode() for line in lines[first : call.end_lineno]]
    rest[-1] = rest[-1][: (call.end_col_offset or 1) - 1]
    rest[0] = rest[0][column:]
    # Behind the last argument stand only parentheses, commas and comments.
    return any(b"," in line.partition(b"#")[0] for line in rest)


def _indent(call: ast.Call, lines: list[str]) -> str:
    line = lines[call.lineno - 1]
    return line[: len(line) - len(line.lstrip())]


def _apply(source: str, edits: list[_Edit]) -> str:
    lines = source.splitlines(keepends=True)
    # From the end backwards; of two at one place, the one that stands last in the text goes in first.
    for _, edit in sorted(enumerate(edits), key=lambda e: (e[1].line, e[1].column, e[0]), reverse=True):
        # Columns of the syntax tree count bytes of UTF-8, not characters.
        line = lines[edit.line - 1].encode()
        lines[edit.line - 1] = (line[: edit.column] + edit.text.encode() + line[edit.column :]).decode()
    return "".join(lines)


def _prelude(tree: ast.Module, body: str, namespace: Mapping[str, Any]) -> str:
    """Return the imports and the class that the new code needs and the cell does not have."""
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    limited = "TimeLimit(" in body
    line = active_line()
    imports = []
    if limited and "time" not in imported:
        imports.append("import time")
    known = getattr(namespace.get("keras"), "__name__", "") == line
    # The class stands above the cell's own imports, so it needs one of its own.
    if ("keras.callbacks." in body or limited) and not known and (limited or "keras" not in imported):
        imports.append("import keras" if line == "keras" else "import tf_keras as keras")
    head = "\n".join(imports) + "\n\n" if imports else ""
    return head + ("\n" + _TIME_LIMIT + "\n\n" if limited else "")
