"""Rewrites a cell into the plain Keras code that does what its options ask for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nbkeras.devices.policy import here
from nbkeras.devices.policy import plain_code as policy_code
from nbkeras.devices.strategies import plain_code as strategy_code
from nbkeras.runtime.keras_lines import active_line
from nbkeras.training.code_calls import PARAMETERS, CallPlace, CallWriter
from nbkeras.training.code_directions import directions_in
from nbkeras.training.code_edits import Source, without_magics
from nbkeras.training.code_names import Names
from nbkeras.training.code_order import COUNTED, IN_ORDER, SEEDS
from nbkeras.training.code_padding import ITS_STATE, PADDED
from nbkeras.training.options import OF_ONE_FIT
from nbkeras.training.precision.in_cell import beginning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.training.options import FitOptions

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


_RUN_AGAIN = (
    *(ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_NO_CALL = "no call of fit was found to write the options into"


def plain_code(cell: str, options: FitOptions, namespace: Mapping[str, Any]) -> str:
    """Return a cell's code with the options written out as Keras arguments and callbacks.

    The cell's own text stays as it is, comments, magics and all. A ``.fit`` of something that is known not
    to be a Keras model (a scikit-learn scaler, say) is left alone. What cannot be written without running
    the cell is said in a comment at the top.

    Args:
        cell: the source of the cell.
        options: what the magic line asks for.
        namespace: the notebook's variables, to tell models from other things, and data from data.

    Raises:
        SyntaxError: when the cell is no Python.
    """
    tree = ast.parse(without_magics(cell))
    source = Source(cell)
    names = Names(tree, namespace)
    calls = [call for call in _calls(tree) if _trains(call, names)]
    places = _places(tree, calls, names)
    writers = [CallWriter(call, options, names, source, places[call]) for call in calls]
    edits = [edit for writer in writers for edit in writer.edits]
    comments = [comment for writer in writers for comment in writer.comments]
    asked = any(getattr(options, name) is not None for name in OF_ONE_FIT)
    if asked and not edits and not comments and not any(writer.kind == "fit" for writer in writers):
        comments.append(_NO_CALL)
    body = source.edited(edits)
    if options.mixed_precision == "auto":
        comments.append("--mixed-precision auto measures two policies; this is the one that it begins with")
    head = "".join(f"# nbkeras: {comment}\n" for comment in dict.fromkeys(comments))
    start = _start(tree, source)
    counted = any(place.counts_orders for place in places.values())
    return body[:start] + head + _prelude(tree, body, namespace, options, counted=counted) + body[start:]


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    if isinstance(node, ast.JoinedStr):
        # Its expressions have no places of their own before Python 3.12.
        return
    if isinstance(node, ast.Call):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _calls(child)


def _trains(call: ast.Call, names: Names) -> bool:
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in PARAMETERS:
        return False
    owner = function.value
    # super().fit is inside a class that the outer call reaches.
    if isinstance(owner, ast.Call) and isinstance(owner.func, ast.Name) and owner.func.id == "super":
        return False
    # Where it cannot be told, a call named fit is taken for Keras's.
    return not names.is_other(owner)


def _places(tree: ast.Module, calls: list[ast.Call], names: Names) -> dict[ast.Call, CallPlace]:
    """Say where each call stands; only a ``fit`` is counted."""
    again = {part for node in ast.walk(tree) if isinstance(node, _RUN_AGAIN) for part in ast.walk(node)}
    places, number = {}, 0
    counted = any(call in again and getattr(call.func, "attr", "") == "fit" for call in calls)
    for call in calls:
        assert isinstance(call.func, ast.Attribute)  # noqa: S101 - only such calls are chosen
        number += call.func.attr == "fit"
        directions = directions_in(tree, call.func.value, names)
        places[call] = CallPlace(number, call in again, directions, counted)
    return places


def _start(tree: ast.Module, source: Source) -> int:
    """Return where the code may begin: behind a cell magic and imports from the future."""
    lines = int(source.lines[0].startswith("%%")) if source.lines else 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            lines = node.end_lineno or lines
    return sum(len(line) for line in source.lines[:lines])


def _prelude(
    tree: ast.Module, body: str, namespace: Mapping[str, Any], options: FitOptions, *, counted: bool
) -> str:
    """Return what the new code needs and the cell does not have: imports, seeds, a strategy, definitions."""
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    limited = "TimeLimit(" in body
    backed = "nbkeras.ExactBackup(" in body
    line = active_line()
    seed = options.seed
    imports = []
    if limited and "time" not in imported:
        imports.append("import time")
    known = getattr(namespace.get("keras"), "__name__", "") == line
    padded = options.pad and "CountedOnce()" in body
    ordered = "in_order(" in body and (seed is not None or padded)
    # What stands above the cell's own imports needs some of its own.
    above = limited or padded or seed is not None or options.mixed_precision is not None
    if ("keras.callbacks." in body or above) and not known and (above or "keras" not in imported):
        imports.append("import keras" if line == "keras" else "import tf_keras as keras")
    if seed is not None or padded or options.strategy is not None:
        imports.append("import tensorflow as tf")
    if ordered and counted and seed is not None:
        imports.append("import itertools")
    if backed and "nbkeras" not in imported:
        imports.append("import nbkeras")
    head = "\n".join(imports) + "\n\n" if imports else ""
    if options.strategy is not None:
        chosen = strategy_code(options.strategy).removeprefix("import tensorflow as tf\n\n")
        head += f"{chosen}\n\n"
    if options.mixed_precision is not None:
        policy = beginning(options.mixed_precision, here())
        head += f"{policy_code(policy).partition(2 * chr(10))[2]}\n\n"
    if seed is not None:
        head += SEEDS.format(seed=seed) + (COUNTED.format(seed=seed) if ordered and counted else "") + "\n"
    return (
        head
        + ("\n" + _TIME_LIMIT + "\n\n" if limited else "")
        + ("\n" + IN_ORDER + "\n\n" if ordered else "")
        + ("\n" + PADDED + (ITS_STATE if backed else "") + "\n\n" if padded else "")
    )
