"""The data of a stage: what its ``fit`` is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nbkeras.data.ordered import ordered_batches
from nbkeras.data.tensors import LeftToKeras, leaves
from nbkeras.reproducibility.seeding import current_seed, next_order
from nbkeras.runtime.keras_lines import Line, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.calls import DEFAULT_BATCH_SIZE
from nbkeras.training.seeded import part


@dataclass(frozen=True, slots=True)
class Data:
    """What the user gave to train on, and how it is altered on the way."""

    x: Any
    y: Any = None
    validation_data: Any = None
    validation_split: float = 0.0
    batch_size: int | None = None
    augmentation: Any = None
    sample_weight: Any = None
    steps_per_epoch: int | None = None

    @property
    def is_dataset(self) -> bool:
        """Whether it is a ``tf.data.Dataset``."""
        return hasattr(self.x, "element_spec")

    @property
    def in_batches(self) -> bool:
        """Whether it is a dataset, a ``PyDataset`` or a generator."""
        return self.is_dataset or hasattr(self.x, "__next__") or line_of(self.x) is not None

    @property
    def steps(self) -> int | None:
        """Updates of an epoch, None where the data do not tell."""
        if self.steps_per_epoch is not None:
            return self.steps_per_epoch
        if self.is_dataset:
            cardinality = getattr(self.x, "cardinality", None)
            count = int(cardinality()) if callable(cardinality) else -1
            return count if count >= 0 else None
        if hasattr(self.x, "__next__"):
            return None
        if line_of(self.x) is not None:
            # Keras 3 takes one without a length, too.
            return len(self.x) if hasattr(self.x, "__len__") else self.x.num_batches
        rows = rows_of(self.x)
        if rows is None:
            return None
        if self.validation_data is None and self.validation_split:
            rows = split_at(rows, self.validation_split)
        return math.ceil(rows / (self.batch_size or DEFAULT_BATCH_SIZE))

    @property
    def held_out_steps(self) -> int | None:
        """Batches that are validated on after an epoch, None where the data do not tell."""
        held_out = self.validation_data
        if held_out is None:
            rows = rows_of(self.x) if self.validation_split else None
            if rows is None:
                return 0
            count = rows - split_at(rows, self.validation_split)
            return math.ceil(count / (self.batch_size or DEFAULT_BATCH_SIZE))
        inputs = held_out[0] if isinstance(held_out, (tuple, list)) else held_out
        return Data(inputs, batch_size=self.batch_size).steps


def checked_data(data: Data) -> Data:
    """Return data that can be trained on.

    Raises:
        Refusal: for none, an augmentation that is none, and data that it cannot be given.
    """
    if data.x is None:
        raise Refusal("fine_tune: expected data, received none: give  fine_tune(model, x, y)")
    if data.in_batches:
        given = {
            "y": data.y,
            "sample_weight": data.sample_weight,
            "validation_split": data.validation_split or None,
            "batch_size": data.batch_size,
        }
        name = next((name for name, value in given.items() if value is not None), None)
        if name is not None:
            raise Refusal(
                f"{name}: expected arrays with it, received {type(data.x).__name__}, which comes in "
                f"batches: {'give  validation_data' if name == 'validation_split' else 'leave it out'}"
            )
    if data.augmentation is not None:
        if not callable(data.augmentation):
            raise Refusal(
                f"augmentation: expected a layer or a function, received {data.augmentation!r}: give  "
                "keras.layers.RandomFlip('horizontal', seed=1)"
            )
        if not data.is_dataset and rows_of(data.x) is None:
            raise Refusal(
                f"augmentation: expected arrays or a tf.data.Dataset, received {type(data.x).__name__}: "
                "augment in the data themselves"
            )
    return data


def stage_arguments(data: Data, number: int, line: Line, seed: int | None) -> dict[str, Any]:
    """Return the arguments of one stage's ``fit`` that are its data.

    An augmentation is put in here; the validation data stay as they are. For what a head trains on in place
    of them, see `nbkeras.training.fine_tuning.kept`.

    Args:
        data: what the user gave.
        number: of the stage, from 1: each has orders of its own.
        line: the Keras line.
        seed: of all stages, if there is one.
    """
    if data.augmentation is None:
        given = {
            "x": data.x,
            "y": data.y,
            "sample_weight": data.sample_weight,
            "validation_data": data.validation_data,
            "validation_split": data.validation_split or None,
            "batch_size": data.batch_size,
            # Keras 3 warns where it is not said.
            "shuffle": False if data.is_dataset else None,
        }
        return {name: value for name, value in given.items() if value is not None}
    batches, validation = data.x, data.validation_data
    if not data.is_dataset:
        batches, validation = _batches(data, number, line, seed)
    given = {"x": batches.map(augmenting(data.augmentation)), "validation_data": validation}
    return {name: value for name, value in given.items() if value is not None} | {"shuffle": False}


def _batches(data: Data, number: int, line: Line, seed: int | None) -> tuple[Any, Any]:
    parts = (data.x, data.y, data.sample_weight)
    validation = data.validation_data
    rows = rows_of(data.x)
    if validation is None and data.validation_split and rows is not None:
        at = split_at(rows, data.validation_split)
        validation = tuple(part(each, slice(at, rows)) for each in parts if each is not None)
        parts = (part(parts[0], slice(0, at)), part(parts[1], slice(0, at)), part(parts[2], slice(0, at)))
    order = number if seed is None else seed + number
    if seed is None and current_seed() is not None:
        order = next_order()
    size = data.batch_size or DEFAULT_BATCH_SIZE
    try:
        return ordered_batches(*parts, batch_size=size, seed=order, line=line), validation
    except LeftToKeras as left:
        raise Refusal(f"augmentation: expected arrays of numbers, received {left}: give a dataset") from None


def augmenting(augmentation: Any) -> Any:
    """Return a function that augments the inputs of a batch, for a dataset."""
    how = {} if line_of(augmentation) is None else {"training": True}

    def augment(x: Any, *rest: Any) -> Any:
        return (augmentation(x, **how), *rest)

    return augment


def rows_of(x: Any) -> int | None:
    """Return how many samples arrays have, None for other data."""
    try:
        first = next(iter(leaves(x)))
        return int(first.shape[0])
    except (AttributeError, IndexError, StopIteration, TypeError, LeftToKeras):
        return None


def split_at(rows: int, split: float) -> int:
    """Return how many of the samples a ``validation_split`` leaves to train on, as Keras counts them."""
    return math.floor(rows * (1.0 - split))
