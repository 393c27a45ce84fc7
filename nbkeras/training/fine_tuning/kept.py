"""The outputs of a frozen base, computed once for the stages that train the head alone."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.callbacks.backup.randomness import read_random, write_random
from nbkeras.models.cached.exactness import check_data
from nbkeras.models.cached.features import checked_split, computed
from nbkeras.models.cached.in_place import on_rows
from nbkeras.models.cached.splitting import behind
from nbkeras.reproducibility.names import name_counters, put_back
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.calls import DEFAULT_BATCH_SIZE
from nbkeras.training.fine_tuning.data import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.models.cached.features import CachedFeatures
    from nbkeras.models.cached.splitting import Split
    from nbkeras.training.fine_tuning.data import Data

_TRAINED, _HELD_OUT = "kept_outputs", "kept_outputs_of_validation"


def exact_parts(model: Any, base: str, data: Data) -> Split:
    """Part a model where the outputs of its base, computed once, train its head as the whole model would.

    Args:
        model: with the flags of the stage; it may be compiled otherwise yet.
        base: the last layer of the base.
        data: what the stage trains on; without any, the model alone is looked at.

    Raises:
        Refusal: with the reason; the model and its data are as they were.
    """
    if data.augmentation is not None:
        raise Refusal("cached features: expected the same inputs in each epoch, received an augmentation")
    if model.distribute_strategy.num_replicas_in_sync > 1:
        raise Refusal("cached features: expected one device, received a model of several replicas")
    if data.x is not None and not data.is_dataset and rows_of(data.x) is None:
        what = type(data.x).__name__
        raise Refusal(f"cached features: expected arrays or a tf.data.Dataset, received {what}")
    size = data.batch_size or DEFAULT_BATCH_SIZE
    random, names = read_random(), name_counters()
    try:
        return checked_split(model, behind(model, base), data.x, batch_size=size, compiled=False)
    except Refusal:
        raise
    except Exception as error:
        # It may train as it is, all the same.
        first = str(error).strip().partition("\n")[0][:120].replace(": ", ", ")
        raise Refusal(
            f"cached features: expected a base that can be called alone, received {type(error).__name__} "
            f"({first})"
        ) from error
    finally:
        write_random(random)
        put_back(names)


def why_not(refusal: Refusal) -> str:
    """Return the reason of a refusal of `exact_parts`, without the way out."""
    return str(refusal).removeprefix("cached features: ").split(": ")[0]


class Kept:
    """The outputs of a base for all data of a fine-tuning, held as long as the base stays as it is.

    Args:
        data: what the user gave to train on.
    """

    def __init__(self, data: Data) -> None:
        """Compute nothing yet."""
        self._data = data
        self._size = data.batch_size or DEFAULT_BATCH_SIZE
        self._held: dict[str, CachedFeatures] = {}

    @contextmanager
    def stage(self, parts: Split, *, computes: bool) -> Iterator[dict[str, Any]]:
        """Let a model train its head on them in a block, to which the arguments of ``fit`` are given.

        Args:
            parts: the model in two parts.
            computes: False where the stage is finished already, and trains nothing.
        """
        given = {_TRAINED: self._data.x}
        if (held_out := _held_out(self._data.validation_data)) is not None:
            given[_HELD_OUT] = held_out
        found = {name: self._of(name, parts, x, computes=computes) for name, x in given.items()}
        rows = {name: each.features if each and computes else None for name, each in found.items()}
        with on_rows(parts, rows):
            yield self._arguments(found)

    def forget(self) -> None:
        """Let go of them, and of the files that they are in."""
        for each in self._held.values():
            if each.is_on_disk:
                each.features.remove()
        self._held.clear()

    def _of(self, name: str, parts: Split, x: Any, *, computes: bool) -> CachedFeatures | None:
        if computes:
            if name not in self._held:
                self._held[name] = computed(parts, x, batch_size=self._size)
            return self._held[name]
        # Of a dataset, the targets and the sizes of its batches are not known without reading it.
        return computed(parts, x, outputs=False) if hasattr(x, "element_spec") else None

    def _arguments(self, found: dict[str, CachedFeatures | None]) -> dict[str, Any]:
        data, validation = self._data, self._data.validation_data
        if _HELD_OUT in found:
            if hasattr(validation, "element_spec"):
                validation = _numbered(_HELD_OUT, found[_HELD_OUT])
            else:
                inputs, *rest = validation
                validation = ({_HELD_OUT: np.arange(rows_of(inputs) or 0)}, *rest)
        given = {
            "x": _numbered(_TRAINED, found[_TRAINED])
            if data.is_dataset
            else {_TRAINED: np.arange(rows_of(data.x) or 0)},
            "y": data.y,
            "sample_weight": data.sample_weight,
            "validation_data": validation,
            "validation_split": data.validation_split or None,
            "batch_size": data.batch_size,
            # Keras 3 warns where it is not said.
            "shuffle": False if data.is_dataset else None,
        }
        return {name: value for name, value in given.items() if value is not None}


def _held_out(validation: Any) -> Any:
    """Return the inputs to validate on, None where the whole model is to be called on them each time."""
    if isinstance(validation, (tuple, list)):
        return validation[0] if rows_of(validation[0]) else None
    try:
        check_data(validation)
    except Refusal:
        return None
    return validation


def _numbered(name: str, cached: CachedFeatures | None) -> Any:
    """Return a dataset with the batches of the one that outputs were computed of: row numbers and targets."""
    import tensorflow as tf

    assert cached is not None  # noqa: S101 - for mypy: a dataset has been read
    sizes = cached.sizes
    held = tuple(each for each in (cached.y, cached.sample_weight) if each is not None)
    if {*sizes[:-1]} <= {sizes[0]} and sizes[-1] <= sizes[0]:
        numbers = {name: np.arange(sum(sizes))}
        rows = tf.data.Dataset.from_tensor_slices((numbers, *held) if held else numbers)
        # So that the size of its batches can be told.
        return rows.batch(sizes[0], drop_remainder=sizes[-1] == sizes[0]).prefetch(tf.data.AUTOTUNE)
    with tf.device("CPU:0"):
        rest = tf.nest.map_structure(tf.convert_to_tensor, held)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def batch_of(start: Any, end: Any) -> Any:
        numbers = {name: tf.range(start, end)}
        others = tf.nest.map_structure(lambda each: each[start:end], rest)
        return (numbers, *others) if others else numbers

    ends = list(accumulate(sizes))
    batches = tf.data.Dataset.from_tensor_slices(([0, *ends[:-1]], ends))
    return batches.map(batch_of).prefetch(tf.data.AUTOTUNE)
