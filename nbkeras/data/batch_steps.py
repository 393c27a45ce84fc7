"""What a ``tf.data`` pipeline tells of its batches before any is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# Steps of a pipeline that give one batch for each, in the same order.
ONE_FOR_ONE = {"Map", "ParallelMap", "Prefetch", "Options", "Cache", "AssertCardinality", "Model"}
BATCHES = {"Batch", "ParallelBatch", "PaddedBatch"}
# Those that leave each batch as it is.
_WHOLE = ONE_FOR_ONE | {"Shuffle", "Repeat"}


def kind_of(step: Any) -> str:
    """Return what kind of a step one is: ``ParallelMap`` of a ``_ParallelMapDataset``."""
    return type(step).__name__.strip("_").removesuffix("Dataset")


def steps_behind(dataset: Any) -> Iterator[tuple[str, Any]]:
    """Give a pipeline's steps with their names, from the last one to its first batching or source."""
    step = dataset
    while step is not None:
        yield kind_of(step), step
        step = getattr(step, "_input_dataset", None)


def samples_in_one_pass(batching: Any) -> int | None:
    """Return how many samples a batching step has, None where that isn't known."""
    count = int(batching._input_dataset.cardinality())  # noqa: SLF001 - no public name leads there
    return count if count > 0 else None


def samples_of_dataset(dataset: Any) -> int | None:
    """Return how many samples one pass of a dataset of batches has, None where that isn't known beforehand.

    Example:
        >>> import tensorflow as tf
        >>> samples_of_dataset(tf.data.Dataset.range(5).batch(2).repeat())
        5
        >>> samples_of_dataset(tf.data.Dataset.range(5).batch(2, drop_remainder=True))
        4

    Args:
        dataset: a ``tf.data.Dataset``; nothing is read from it.
    """
    for name, step in steps_behind(dataset):
        if name in BATCHES:
            samples, size = samples_in_one_pass(step), _fixed_size(step)
            return samples if size is None or samples is None else samples // size * size
        if name not in _WHOLE:
            return None
    return None


def _fixed_size(step: Any) -> int | None:
    """Return the size of a step's batches where all have the same, None where the last one may be smaller."""
    import tensorflow as tf

    shapes = (getattr(spec, "shape", None) for spec in tf.nest.flatten(step.element_spec))
    sizes = {shape[0] for shape in shapes if shape is not None and shape.rank}
    return int(sizes.pop()) if len(sizes) == 1 and None not in sizes else None


def is_in_order(dataset: Any) -> bool:
    """Tell whether batches come one after the other, and not as several threads are done with them."""
    if dataset.options().deterministic is False:
        return False
    return all(getattr(step, "_deterministic", None) != "false" for _, step in steps_behind(dataset))
