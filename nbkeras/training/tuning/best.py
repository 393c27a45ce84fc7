"""Writes a tuned cell as plain Keras code, with the best values in the places of those that were searched."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nbkeras.training.code_calls import PARAMETERS
from nbkeras.training.code_edits import Edit, Source, without_magics
from nbkeras.training.tuning.fits import EPOCHS
from nbkeras.training.tuning.marks import marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.training.tuning.options import TuneOptions

_ASKING = {"Float", "Int", "Choice", "Boolean", "Fixed"}
# Where the cell does more with hp than ask it for values by their names.
_WHOLE = """\
import keras_tuner

hp = keras_tuner.HyperParameters()
hp.values = {values}
"""


def best_cell(cell: str, options: TuneOptions, values: Mapping[str, Any]) -> str:
    r"""Return a cell that trains with these values and knows nothing of the search.

    Example:
        >>> from nbkeras.training.tuning.options import tune_options
        >>> print(best_cell("units = 8\nbuild(units)", tune_options(search="units=16|32"), {"units": 32}))
        units = 32
        build(units)

    Args:
        cell: the source of the cell.
        options: what the magic line asks for.
        values: the best values by name, with KerasTuner's own notes.
    """
    code, given = marked(cell, options.space)
    tree, source = ast.parse(without_magics(code)), Source(code)
    above = "".join(f"{each.name} = {values[each.name]!r}\n" for each in given)
    edits = in_place(tree, source, values)
    if edits is None:
        above = whole(values) + above
    return above + source.edited([*(edits or ()), *epochs_said(tree, source, options, values)])


def in_place(tree: ast.AST, source: Source, values: Mapping[str, Any], hp: str = "hp") -> list[Edit] | None:
    """Return what puts each value where it is asked for; None where ``hp`` is used for more than that."""
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _asks(node, hp)]
    known = {id(call): name for call in asked if (name := _name(call)) in values}
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == hp]
    if len(known) != len(names):
        return None
    return [Edit(source.start(c), source.end(c), repr(values[known[id(c)]])) for c in asked]


def whole(values: Mapping[str, Any]) -> str:
    """Return code that makes an ``hp`` with the best values."""
    return _WHOLE.format(values={name: value for name, value in values.items() if "/" not in name})


def _asks(call: ast.Call, hp: str) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and function.attr in _ASKING
        and isinstance(function.value, ast.Name)
        and function.value.id == hp
    )


def _name(call: Any) -> str:
    given = [*call.args[:1], *(each.value for each in call.keywords if each.arg == "name")]
    value = getattr(given[0], "value", None) if given else None
    return value if isinstance(value, str) else ""


def epochs_said(
    tree: ast.Module, source: Source, options: TuneOptions, values: Mapping[str, Any]
) -> Iterator[Edit]:
    """Let the fit train as long as the best trial did, where the search said how long that is."""
    fits = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_fit(node)]
    epochs = values.get(EPOCHS, options.epochs)
    if len(fits) != 1 or epochs is None:
        return
    (call,) = fits
    said = next((each.value for each in call.keywords if each.arg == "epochs"), None)
    place = PARAMETERS["fit"].index("epochs")
    said = call.args[place] if len(call.args) > place else said
    if said is None:
        bracket = source.end(call) - 1
        members = [*call.args, *(each.value for each in call.keywords)]
        comma = "" if not members else " " if source.has_comma(members, bracket) else ", "
        yield Edit(bracket, bracket, f"{comma}epochs={epochs}")
    elif EPOCHS in values:
        yield Edit(source.start(said), source.end(said), str(epochs))


def _is_fit(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "fit"
