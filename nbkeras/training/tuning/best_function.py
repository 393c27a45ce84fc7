"""Writes a tuned function as plain Keras code, with a call that trains with the best values."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

from nbkeras.training.code_edits import Edit, Source
from nbkeras.training.tuning.best import epochs_said, in_place, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbkeras.training.tuning.options import TuneOptions


def best_function(train: Callable[..., Any], options: TuneOptions, values: Mapping[str, Any]) -> str:
    """Return the source of a function and a call of it that trains with these values.

    Where the source is not to be had, or is no function's own, what comes back is a comment that says so.

    Args:
        train: what was tuned.
        options: how it was tuned.
        values: the best values by name, with KerasTuner's own notes.
    """
    tree = _definition(train)
    if isinstance(tree, str):
        return f"# There is no code of the best values: {tree}.\n"
    (function,), source = tree.body, Source(_text(train))
    assert isinstance(function, ast.FunctionDef)  # noqa: S101 - `_definition` takes no other
    above, edits = "", list(epochs_said(tree, source, options, values))
    if options.space:
        given = ", ".join(f"{each.name}={values[each.name]!r}" for each in options.space)
    else:
        above, given, more = _without_hp(function, tree, source, values)
        edits += more
    needed = sorted(inspect.getclosurevars(train).nonlocals)
    if needed:
        above = f"# It needs {', '.join(needed)} of the function around it.\n{above}"
    return f"{above}{source.edited(edits).rstrip()}\n\n\n{function.name}({given})\n"


def _text(train: Callable[..., Any]) -> str:
    """Return a function's source as it would stand by itself."""
    return textwrap.dedent(inspect.getsource(train))


def _definition(train: Callable[..., Any]) -> ast.Module | str:
    """Return the syntax tree of a function's source, or why there is none."""
    if not inspect.isfunction(train):
        return f"{type(train).__name__} is no plain function"
    try:
        tree = ast.parse(_text(train))
    except (OSError, SyntaxError):
        tree = ast.Module([], [])
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.FunctionDef):
        return tree
    what = "a lambda" if train.__name__ == "<lambda>" else f"{train.__name__}, whose source is not to be had"
    return f"expected a function that was written with def, received {what}"


def _without_hp(
    function: ast.FunctionDef, tree: ast.Module, source: Source, values: Mapping[str, Any]
) -> tuple[str, str, list[Edit]]:
    """Return code above, the call's arguments and edits of a function that takes ``hp``."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    edits = in_place(tree, source, values, named[0].arg) if len(named) == 1 else None
    if edits is None or given.posonlyargs or given.defaults or given.vararg or given.kwarg:
        return f"{whole(values)}\n\n", "hp", []
    (hp,) = named
    end = source.place(hp.end_lineno or 1, hp.end_col_offset or 0)
    return "", "", [Edit(source.place(hp.lineno, hp.col_offset), end, ""), *edits]
