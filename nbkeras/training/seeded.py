"""Feeds the arrays of a ``fit`` through a pipeline that has an order of its own each epoch.

A dataset of the user's keeps its order, and its noise goes on: `nbkeras.training.seeded_noise`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nbkeras.checks.seeded_by_hand import global_seed
from nbkeras.data.ordered import ordered_batches
from nbkeras.data.tensors import LeftToKeras, leaves, weights_of_classes
from nbkeras.reproducibility.seeding import LARGEST, current_seed, next_order
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.training.calls import DEFAULT_BATCH_SIZE
from nbkeras.training.seeded_noise import keep_noise_going

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.calls import Call
    from nbkeras.training.options import FitOptions


def seeded_notes(call: Call, options: FitOptions, number: int) -> list[str]:
    """Do for one call what ``--seed`` or an earlier ``%seed`` asks for; return what is said about it.

    Args:
        call: any call; only a ``fit`` is changed.
        options: of the cell.
        number: which fit of its cell it is, from 1: each has orders of its own.
    """
    if call.kind != "fit":
        return []
    if options.seed is not None:
        said = f"Python, NumPy, Keras and TensorFlow seeded with {options.seed}, deterministic operations"
        order = feed_in_order(call, (options.seed + number - 1) % LARGEST, by="--seed")
        noise = keep_noise_going(call, by="--seed")
        return [f"{said} until the kernel restarts, by --seed", *filter(None, [order, noise])]
    if current_seed() is not None:
        order = feed_in_order(call, next_order(), by="%seed")
        return list(filter(None, [order, keep_noise_going(call, by="%seed")]))
    return []


def feed_in_order(call: Call, seed: int, *, by: str) -> str | None:
    """Replace the arrays of a ``fit`` that Keras would shuffle by a dataset of them; return what is said.

    All else of the call means what it meant: ``validation_split`` takes the last samples before anything is
    shuffled, ``class_weight`` and ``steps_per_epoch`` are Keras's own. Nothing is changed where the call has
    no arrays or does not shuffle them, and where they are such that only Keras can take them.

    Args:
        call: a call of ``fit``; its arguments are replaced.
        seed: what the orders follow from.
        by: the option that asked for it, for the note.

    Returns:
        One line, None where there is nothing to say.
    """
    shuffle = call.get("shuffle", default=True)
    if call.kind != "fit" or call.get("x") is None or call.has_batches or not shuffle:
        return None
    line = line_of(call.model) or active_line()
    try:
        arguments = _arguments(call, seed, line)
    except LeftToKeras as left:
        # NBK101, which no option can mend here.
        same = line == "keras" and global_seed() is not None
        order = ", so in one and the same order in every epoch" if same else ""
        return f"shuffled by Keras itself, not by {by}: {left}{order}"
    for name, value in arguments.items():
        if value is not None or call.says(name):
            call.set(name, value)
    return f"arrays in an order of their own each epoch (seed {seed}), the same in each run, by {by}"


def unshuffled(call: Call) -> None:
    """Replace the arrays of a ``fit`` by a dataset of them in their own order.

    Raises:
        LeftToKeras: for arrays that only Keras can take; nothing is changed.
    """
    arguments = _arguments(call, 0, line_of(call.model) or active_line(), shuffle=False)
    for name, value in arguments.items():
        if value is not None or call.says(name):
            call.set(name, value)


def _arguments(call: Call, seed: int, line: Line, *, shuffle: bool = True) -> dict[str, Any]:
    """Return the arguments that stand in for the arrays."""
    if call.get("shuffle") == "batch":
        raise LeftToKeras("shuffle='batch'")
    if getattr(call.model.distribute_strategy, "_should_use_with_coordinator", False):
        raise LeftToKeras("data for parameter servers")
    x, y, weights = call.get("x"), call.get("y"), call.get("sample_weight")
    validation = call.get("validation_data")
    split, steps = call.get("validation_split"), call.get("steps_per_epoch")
    if split and validation is None:
        count = _count(x)
        at = math.floor(count * (1.0 - split))
        if not 0 < at < count:
            raise LeftToKeras(f"validation_split={split} of {count} samples")
        parts = (x, y, weights)
        validation = tuple(part(each, slice(at, count)) for each in parts)
        x, y, weights = (part(each, slice(0, at)) for each in parts)
    class_weight = call.get("class_weight")
    if class_weight is not None and line == "keras":
        if weights is not None:
            raise LeftToKeras("class_weight and sample_weight")
        weights, class_weight = weights_of_classes(y, class_weight, line), None
    if steps == -1:
        raise LeftToKeras("steps_per_epoch=-1")
    size = call.get("batch_size") or (math.ceil(_count(x) / steps) if steps else DEFAULT_BATCH_SIZE)
    batches = ordered_batches(x, y, weights, batch_size=size, seed=seed, shuffle=shuffle, line=line)
    if steps and line == "tf_keras":
        # It goes through arrays as often as there are epochs, wherever an epoch ends; Keras 3 begins anew
        # with a dataset as it does with arrays.
        batches = batches.repeat(max(1, (call.get("epochs") or 1) - (call.get("initial_epoch") or 0)))
    return {
        "x": batches,
        "y": None,
        "sample_weight": None,
        "class_weight": class_weight,
        "validation_data": validation,
        "validation_split": 0.0 if split else None,
        # Keras 3 warns where it is not said.
        "shuffle": False,
    }


def _count(structure: Any) -> int:
    for array in leaves(structure):
        shape = getattr(array, "shape", None)
        if shape is None or len(shape) == 0:
            raise LeftToKeras(f"a {type(array).__name__}")
        return int(shape[0])
    raise LeftToKeras("no samples")


def part(structure: Any, rows: slice) -> Any:
    """Return some rows of every array of a structure."""
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: part(each, rows) for key, each in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)(part(each, rows) for each in structure)
    return structure.iloc[rows] if hasattr(structure, "iloc") else structure[rows]
