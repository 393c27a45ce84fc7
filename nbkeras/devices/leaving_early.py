"""Lets the iterators of a strategy be left before their end, where TensorFlow may crash.

``MultiDeviceIterator`` reads ahead in a thread of its own. One that is left meanwhile frees its dataset
before it has waited for that thread (TensorFlow 2.21: ``dataset_`` is declared behind
``multi_device_buffer_``, and so destroyed first), and the thread reads freed memory: SIGSEGV in
``DatasetBaseIterator::GetNext``, at once with ``MALLOC_PERTURB_=165`` in the environment. A dataset that
``tf.data`` has rewritten belongs to its iterator and stays. Those that both Keras lines make of arrays are
not rewritten: they turn the default rewrites off.

Keras 3 leaves such an iterator at the beginning of each call, when it has learned the shapes of a first
batch, and both lines do in a training that is stopped. A worker that made nothing but short fits of arrays
crashed within the first 800 of them in each of three tries.
"""

from __future__ import annotations

import sys
from typing import Any

from nbkeras.devices.ended_iterators import end_aside

_FROM_DATASET = "experimental_distribute_dataset"
_FROM_FUNCTION = "distribute_datasets_from_function"
# The devices of these take batches from one iterator.
_KINDS = ("MirroredStrategy", "MultiWorkerMirroredStrategy", "OneDeviceStrategy", "TPUStrategy")


def let_iterators_be_left(strategy: Any) -> None:
    """Let a strategy distribute only datasets that ``tf.data`` rewrites, from now on.

    And none of their iterators is waited for at its end (see `nbkeras.devices.ended_iterators`), but on TPUs,
    whose iterators are elsewhere. It stays so: calls in several threads share a strategy, and results are the
    same bit for bit.

    Args:
        strategy: any; of one whose iterators can be left anyway nothing is changed.
    """
    distribute = sys.modules["tensorflow"].distribute
    kinds = tuple(getattr(distribute, name) for name in _KINDS)
    if not isinstance(strategy, kinds) or _FROM_DATASET in vars(strategy):
        return
    from_dataset, from_function = getattr(strategy, _FROM_DATASET), getattr(strategy, _FROM_FUNCTION)
    is_elsewhere = isinstance(strategy, distribute.TPUStrategy)

    def distributed(dataset: Any, options: Any = None) -> Any:
        made = from_dataset(_rewritten(dataset), options)
        return made if is_elsewhere else end_aside(made)

    def distributed_from_function(dataset_fn: Any, options: Any = None) -> Any:
        made = from_function(dataset_fn, options)
        return made if is_elsewhere else end_aside(made)

    setattr(strategy, _FROM_DATASET, distributed)
    setattr(strategy, _FROM_FUNCTION, distributed_from_function)


def _rewritten(dataset: Any) -> Any:
    """Return a dataset that ``tf.data`` rewrites, by the cheapest of its rewrites; its iterators own it."""
    options = sys.modules["tensorflow"].data.Options()
    options.experimental_optimization.noop_elimination = True
    return dataset.with_options(options)
