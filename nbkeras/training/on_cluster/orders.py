"""Data that are shuffled on each worker in another order: some samples come twice in an epoch, others not."""

from __future__ import annotations

import functools
import os
import zlib
from typing import TYPE_CHECKING, Any

from nbkeras.checks.random_operations import pipeline_steps
from nbkeras.checks.seeded_by_hand import global_seed
from nbkeras.training.data_passes import dataset_of

if TYPE_CHECKING:
    from nbkeras.training.calls import Call

# TensorFlow adds up float32, in which whole numbers are exact up to 2 ** 24: room for 16 replicas.
_BITS = 20
# Readers of files: TensorFlow then gives each worker files of its own, and each may shuffle as it likes.
_READERS = ("TFRecordDataset", "TextLineDataset", "FixedLengthRecordDataset", "RecordDataset")
_TWICE = "so that an epoch takes some samples twice and leaves out others"


def order_notes(call: Call, strategy: Any) -> list[str]:
    """Return one line when the workers shuffle the data of a ``fit`` in orders that are not the same.

    Each worker goes through all data and takes its share of the batches by their place. A shuffle without a
    seed has one of its own in each process, and a seed that was drawn there, as that of
    ``image_dataset_from_directory``, is another one, too. All workers come here, and tell each other what
    their orders follow from.

    Args:
        call: a call, as Keras will get it.
        strategy: that of the workers.
    """
    if call.kind != "fit":
        return []
    dataset = dataset_of(call)
    by_keras = dataset is None and not call.has_batches and bool(call.get("shuffle", default=True))
    seeds = [global_seed()] if by_keras else [] if dataset is None else _seeds(dataset)
    own = zlib.crc32(repr(seeds).encode()) % 2**_BITS if seeds else 0
    together = float(strategy.reduce("SUM", _handed_in(strategy)(float(own)), axis=None))
    if not seeds or together == own * strategy.num_replicas_in_sync:
        return []
    if by_keras:
        return [f"arrays in another order on each worker, each with another seed, {_TWICE}: type  --seed 1"]
    return [f"the dataset is shuffled in another order on each worker, {_TWICE}: give its shuffle a seed"]


def _seeds(dataset: Any) -> list[Any]:
    """Return what the orders of a pipeline's shuffles follow from; nothing where workers have other files."""
    import tensorflow as tf

    policy = dataset.options().experimental_distribute.auto_shard_policy
    if policy == tf.data.experimental.AutoShardPolicy.OFF:
        return []
    steps = list(pipeline_steps(dataset))
    if policy != tf.data.experimental.AutoShardPolicy.DATA and any(map(_reads_files, steps)):
        return []
    return [_seed(each) for each in steps if "Shuffle" in type(each).__name__]


def _seed(step: Any) -> Any:
    # No public name leads there; where TensorFlow calls it otherwise one day, nothing is said.
    pair = [int(getattr(step, name, 1)) for name in ("_seed", "_seed2")]
    return pair if any(pair) else os.urandom(8)


def _reads_files(step: Any) -> bool:
    graphs = (getattr(getattr(each, "function", None), "graph", None) for each in step._functions())  # noqa: SLF001
    operations = (each.type for graph in graphs if graph is not None for each in graph.get_operations())
    return any(word in name for name in (type(step).__name__, *operations) for word in _READERS)


@functools.lru_cache(maxsize=1)
def _handed_in(strategy: Any) -> Any:
    """Return what gives a number to all replicas of this worker."""
    import tensorflow as tf

    # As a function of TensorFlow's, or it warns that this is slow.
    return tf.function(
        lambda number: strategy.run(tf.identity, args=(number,)),
        input_signature=[tf.TensorSpec([], tf.float32)],
    )
