"""The batches of a ``fit``: noted as the training gets them, and what is known of how they are made."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.reproducibility.fingerprint import digest_of
from nbkeras.reproducibility.proof.trace import Batch
from nbkeras.reproducibility.proof.values import loose_digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

UNORDERED = "a parallel step of the pipeline gives elements as they get ready"
UNSEEDED_SHUFFLE = "shuffle without a seed"
PARALLEL = "a parallel map"
WORKERS = "several workers"
SHUFFLED = "fit shuffles the arrays"
# fit calls its list of callbacks, and that calls the callback; a fit of the user's own may stand between.
_FRAMES = 8
# More rows than that are not told apart one by one.
_ROWS = 65_536


def note_batches(frame: FrameType | None, batches: list[Batch]) -> bool:
    """Have the batches of a running ``fit`` noted; tell whether its data could be found.

    Both lines of Keras end every source of data, arrays and generators too, in a ``tf.data.Dataset`` that a
    local variable of ``fit`` holds. A last step joins that dataset, which hands each element on as it is.
    Nothing is drawn twice, and no random number is used up: the cell gives what it gives unwatched (measured
    with Keras 3.15 and tf_keras 2.21).

    Args:
        frame: where the callback is being called from.
        batches: the list that takes the batches.
    """
    for _ in range(_FRAMES):
        if frame is None:
            return False
        for local, attribute in (("epoch_iterator", "_distributed_dataset"), ("data_handler", "_dataset")):
            holder = frame.f_locals.get(local)
            dataset = getattr(holder, attribute, None)
            if hasattr(dataset, "map"):
                setattr(holder, attribute, _noted(dataset, batches))
                return True
        frame = frame.f_back
    return False


def pipeline_facts(data: Any, workers: int | None = None) -> list[str]:
    """Return what makes the order or the values of data depend on more than seeds."""
    facts = {fact for each in stages(data) for fact in _facts_of(each)}
    options = getattr(data, "options", None)
    if callable(options) and getattr(options(), "deterministic", None) is False:
        facts.add(UNORDERED)
    if max(workers or 1, getattr(data, "workers", None) or 1) > 1:
        facts.add(WORKERS)
    return sorted(facts)


def _noted(dataset: Any, batches: list[Batch]) -> Any:
    import tensorflow as tf

    lock = threading.Lock()

    def note(*parts: Any) -> None:
        found = _batch([np.asarray(part) for part in parts])
        with lock:
            batches.append(found)

    def hand_on(*element: Any) -> Any:
        flat = tf.nest.flatten(element, expand_composites=True)
        noted = tf.numpy_function(note, flat, [], name="nbkeras_note_batch")
        whole = element if isinstance(dataset.element_spec, tuple) else element[0]
        with tf.control_dependencies([noted]):
            return tf.nest.map_structure(tf.identity, whole, expand_composites=True)

    return dataset.map(tf.autograph.experimental.do_not_convert(hand_on))


def _batch(parts: list[np.ndarray[Any, Any]]) -> Batch:
    loose = [loose_digest(part) if part.ndim and len(part) <= _ROWS else "" for part in parts]
    return Batch([digest_of(part) for part in parts], loose)


def stages(data: Any) -> Iterator[Any]:
    """Give a dataset and those that it is made of."""
    waiting = [data] if hasattr(data, "element_spec") else []
    while waiting:
        dataset = waiting.pop()
        yield dataset
        # No public name leads from a dataset to its inputs.
        inputs = getattr(dataset, "_inputs", None)
        waiting += list(inputs()) if callable(inputs) else []


def _facts_of(dataset: Any) -> Iterator[str]:
    name = type(dataset).__name__
    if getattr(dataset, "_deterministic", None) == "false":
        yield UNORDERED
    if "ParallelMap" in name:
        yield PARALLEL
    seeds = [getattr(dataset, attribute, None) for attribute in ("_seed", "_seed2")]
    if "Shuffle" in name and all(seed is not None and int(seed) == 0 for seed in seeds):
        yield UNSEEDED_SHUFFLE
