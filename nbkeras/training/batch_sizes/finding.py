"""`nbkeras.batch_size_find`: the Python behind ``%batch_size_find``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.sources import is_arrays
from nbkeras.data.tensors import leaves
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.keras_lines import is_compiled, is_model
from nbkeras.runtime.memory import format_bytes, free_memory, parse_bytes
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.batch_sizes.found import BatchSizesFound
from nbkeras.training.batch_sizes.job import job_of
from nbkeras.training.batch_sizes.trials import tried
from nbkeras.training.options import positive_int
from nbkeras.training.rate_finder.feeding import check_targets

if TYPE_CHECKING:
    from datetime import timedelta

SMALLEST, LARGEST, TIME = 8, 65_536, "60s"
# Of the memory that is free; the notebook and others go on meanwhile.
_SHARE = 0.8


def batch_size_find(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    smallest: int = SMALLEST,
    largest: int | None = None,
    max_memory: str | int | None = None,
    max_time: str | float | timedelta = TIME,
) -> BatchSizesFound:
    """Find the batch sizes that fit into memory, and from which on larger ones stop paying.

    A process of its own makes the model again from its configuration and trains it for some steps with 8, 16,
    32, … samples, until memory or time is over. It is ended when it takes more main memory than it may, so
    that the notebook never runs out; on a GPU it takes what the notebook leaves. Others then try sizes
    between the largest that fits and the first that does not, each in the middle, until the two are less than
    a sixteenth apart; where the smallest size does not fit, these are below it. The size is suggested from
    which twice as many samples in a batch give less than 5 % more samples a second. That is throughput alone:
    a larger batch also makes fewer updates an epoch. The model, its data and all random numbers stay as they
    are.

    Example:
        >>> import keras, nbkeras, numpy as np
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> nbkeras.batch_size_find(model, np.ones((64, 4)), np.ones((64, 1))).largest  # doctest: +SKIP
        64

    Args:
        model: a compiled model of Keras 3 or tf_keras, whose classes another process can import.
        x: its inputs: arrays, a list or dict of them, a ``tf.data.Dataset``, or a PyDataset.
        y: its targets, where the inputs are arrays. Default None.
        sample_weight: weights of the samples, where the inputs are arrays. Default None.
        smallest: the first size, in samples; smaller ones are tried where it does not fit. Default 8.
        largest: no size above it is tried. Default: as many samples as the arrays have, at most 65536.
        max_memory: the most main memory that a process may take, TensorFlow's own included: bytes, or
            text such as ``"4GB"``. Default: 80 % of what is free.
        max_time: time after which the search ends: seconds, a ``timedelta``, or text such as ``"2m"``.
            Default ``"60s"``.

    Returns:
        An object with ``sizes``, ``largest``, ``suggested`` and ``too_large`` that a notebook shows as a
        table and a curve.

    Raises:
        Refusal: for a model that is not compiled, is on several devices or has classes of the notebook,
            for data that can be read once, and for options out of range.
    """
    sizes = doubled(*span(x, smallest, largest))
    seconds = parse_duration(max_time, option="max_time")
    _check(model)
    check_targets(model, x, y, name="batch_size_find")
    limit, notes = memory_limit(max_memory)
    began = time.monotonic()
    job = job_of(model, (x, y, sample_weight), sizes)
    try:
        trials = tried(job, limit=limit, seconds=seconds, tell=_tell)
    finally:
        _tell("")
    taken = time.monotonic() - began
    return BatchSizesFound(tuple(trials.sizes), trials.too_large, trials.why, taken, tuple(notes))


def doubled(first: int, last: int) -> tuple[int, ...]:
    """Return sizes from the first to the last, each twice the one before, but for the last.

    Example:
        >>> doubled(8, 100), doubled(8, 5)
        ((8, 16, 32, 64, 100), (8,))
    """
    sizes = [first]
    while sizes[-1] < last:
        sizes.append(min(sizes[-1] * 2, last))
    return tuple(sizes)


def span(x: Any, smallest: int, largest: int | None) -> tuple[int, int]:
    """Return the first size and the last.

    Args:
        x: the inputs.
        smallest: the first size.
        largest: the last one, None for as many samples as arrays have.

    Raises:
        Refusal: for sizes that are no whole numbers above 0, and a last one below the first.
    """
    first = positive_int(smallest, option="smallest")
    return first, _most(x) if largest is None else positive_int(largest, option="largest", least=first)


def _most(x: Any) -> int:
    if not is_arrays(x):
        return LARGEST
    counts = [int(each.shape[0]) for each in leaves(x) if getattr(each, "shape", ())]
    return min([*counts, LARGEST])


def _check(model: Any) -> None:
    if not is_model(model):
        raise Refusal(
            f"batch_size_find: expected a compiled model, received a {type(model).__name__}: give it first"
        )
    if not is_compiled(model):
        raise Refusal(
            f"batch_size_find: expected a compiled model, received {model.name!r} without compile: compile it"
        )
    if model.distribute_strategy.num_replicas_in_sync > 1:
        raise Refusal(
            f"batch_size_find: expected a model on one device, received {model.name!r} on "
            f"{model.distribute_strategy.num_replicas_in_sync}: try one that is made outside of it, "
            "and give each device that size"
        )


def memory_limit(asked: str | int | None) -> tuple[int | None, list[str]]:
    """Return the bytes that a process may take, None for no limit, and what is to be said of it."""
    if asked is not None:
        size = parse_bytes(asked, option="max_memory")
        return size, [f"memory: {format_bytes(size)} at the most, by max_memory"]
    free = free_memory()
    if free is None:
        return None, ["memory: not watched, because this system is no Linux"]
    size = int(_SHARE * free)
    said = f"memory: {format_bytes(size)} at the most, TensorFlow's included, {_SHARE:.0%} of what was free"
    return size, [said]


def _tell(line: str) -> None:
    """Write over the last line of progress."""
    sys.stdout.write(f"\r{line:<40}\r" if not line else f"\r{line:<40}")
    sys.stdout.flush()
