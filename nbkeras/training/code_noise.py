"""Writes the one iterator that lets the random numbers of a dataset go on from epoch to epoch.

A dataset that the cell makes is known by its text alone: whether its functions draw, and whether tf.data will
know how many batches it has. What the text leaves open is said in a comment.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from nbkeras.checks.passes import INFINITE
from nbkeras.checks.random_operations import seeded_operations
from nbkeras.runtime.keras_lines import is_model
from nbkeras.training.code_edits import Edit
from nbkeras.training.code_names import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbkeras.training.code_edits import Source
    from nbkeras.training.code_names import Names

# What gets a seed by tf.random.set_seed, and what else may draw.
_DRAWS = re.compile(r"\b(?:tf|tensorflow)\.(?:random\.(?!stateless_|Generator|experimental)|image\.random_)")
_MAY_DRAW = re.compile(r"random|augment|noise|rng|dropout", re.IGNORECASE)
# All others may leave open how many batches there are.
_COUNTED = {
    *("from_tensor_slices", "from_tensors", "range", "zip", "map", "batch", "padded_batch", "shuffle"),
    *("prefetch", "take", "skip", "cache", "concatenate", "shard", "enumerate", "with_options"),
    *("image_dataset_from_directory", "text_dataset_from_directory", "audio_dataset_from_directory"),
}
_SOURCE = re.compile(
    r"(?:tf|tensorflow)\.data\.(?:experimental\.)?\w+(?:\.\w+)?|(?:\w+\.)*\w+_dataset_from_directory"
)
_FUNCTIONS = {"map", "filter", "flat_map", "interleave", "apply", "scan", "take_while", "from_generator"}
# Functions that call functions are read so deep.
_DEPTH = 4


class _Made(NamedTuple):
    """What the text says of a dataset; None where it leaves that open."""

    draws: bool | None
    counted: bool


@dataclass(slots=True)
class Noise:
    """The changes of one call of ``fit`` that let the noise go on, or why there are none."""

    edits: list[Edit] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    comment: str | None = None


def noise_of(
    x: ast.expr | None, value: Any, values: Mapping[str, Any], names: Names, source: Source, model: ast.expr
) -> Noise | None:
    """Write the noise of one call, None where its data are not known to be a dataset.

    Args:
        x: the data as they stand in the text, None for data that stand elsewhere.
        value: what is known of them.
        values: what is known of the call's arguments.
        names: of the cell.
        source: the cell's text.
        model: the model as it stands in the text.
    """
    if value is UNKNOWN:
        made = None if x is None else _made(x, names)
    elif hasattr(value, "element_spec") and hasattr(value, "_inputs"):
        made = _known(value)
    else:
        made = None
    if made is None:
        return None
    if made.draws is False or _is_one_epoch(values):
        return Noise()
    said = "the data" if x is None else ast.unparse(x)
    if made.draws is None:
        way = f"fit({said}.repeat(), steps_per_epoch=len({said})) gives each epoch other ones"
        return Noise(comment=f"if functions of {said} draw random numbers, {way}")
    known = names.value(model)
    at_once = any("steps_per_execution" in line for line in source.lines) or (
        is_model(known) and getattr(known, "steps_per_execution", 1) not in (1, None)
    )
    why = [
        *(["its number of batches"] if not made.counted else []),
        *(["steps_per_epoch"] if values.get("steps_per_epoch") is not None else []),
        *(["steps_per_execution"] if at_once else []),
        *(["how it is given"] if not isinstance(x, ast.Name) else []),
    ]
    if why or not isinstance(x, ast.Name):
        return Noise(comment=f"random numbers of {said} for each epoch are not written, because of {why[0]}")
    edit = Edit(source.start(x), source.end(x), f"{said}.repeat()")
    return Noise([edit], [f"steps_per_epoch=len({said})"])


def _is_one_epoch(values: Mapping[str, Any]) -> bool:
    epochs, first = values.get("epochs"), values.get("initial_epoch")
    if epochs is UNKNOWN or first is UNKNOWN:
        return False
    return (epochs or 1) - (first or 0) <= 1


def _made(node: ast.expr, names: Names) -> _Made | None:
    """Read how a dataset is made, None where that is not known to be one."""
    if isinstance(node, ast.Name):
        value = names.value(node)
        if hasattr(value, "element_spec") and hasattr(value, "_inputs"):
            return _known(value)
        maker = names.made(node)
        return _made(maker, names) if isinstance(maker, ast.expr) else None
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    if _SOURCE.fullmatch(ast.unparse(node.func)):
        return _after(_Made(draws=False, counted=True), node, node.func.attr, names)
    before = _made(node.func.value, names)
    return None if before is None else _after(before, node, node.func.attr, names)


def _known(dataset: Any) -> _Made:
    count = int(dataset.cardinality())
    # An endless one has one iterator in any case.
    return _Made(count != INFINITE and bool(seeded_operations(dataset)), count > 0)


def _after(before: _Made, node: ast.Call, method: str, names: Names) -> _Made:
    """Read what a step of a pipeline adds."""
    if method == "cache":
        return _Made(draws=False, counted=before.counted)
    given = [*node.args, *(each.value for each in node.keywords)]
    others = [other for each in given if (other := _made(each, names)) is not None]
    draws = [before.draws, *(other.draws for other in others)]
    if method in _FUNCTIONS:
        draws += [_draws(each, names) for each in given[:1]]
    elif method == "zip" and len(others) < len(given):
        draws.append(None)
    counted = before.counted and method in _COUNTED and all(other.counted for other in others)
    return _Made(_any(draws), counted)


def _draws(function: ast.expr, names: Names, depth: int = 0) -> bool | None:
    """Tell whether the text of a function draws numbers that a seed of TensorFlow reaches."""
    body: ast.AST | None = function if isinstance(function, ast.Lambda) else None
    if isinstance(function, ast.Name):
        body = names.made(function)
    if not isinstance(body, (ast.Lambda, ast.FunctionDef)) or depth > _DEPTH:
        return None
    text = ast.unparse(body)
    if _DRAWS.search(text):
        return True
    called = [
        node.func for node in ast.walk(body) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    return None if _MAY_DRAW.search(text) else _any(_draws(each, names, depth + 1) for each in called)


def _any(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return True if True in found else None if None in found else False
