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
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.training.calls import Call


@contextmanager
def may_be_left(call: Call) -> Iterator[None]:
    """Let a call's strategy distribute only datasets that ``tf.data`` rewrites, inside of the ``with``.

    Args:
        call: any call; without a strategy nothing happens.
    """
    strategy = getattr(call.model, "distribute_strategy", None)
    if strategy is None or not _has_iterators(strategy):
        yield
        return
    distribute = strategy.experimental_distribute_dataset
    before = vars(strategy).get("experimental_distribute_dataset")
    strategy.experimental_distribute_dataset = lambda dataset, options=None: distribute(
        rewritten(dataset), options
    )
    try:
        yield
    finally:
        if before is None:
            del strategy.experimental_distribute_dataset
        else:
            strategy.experimental_distribute_dataset = before


def rewritten(dataset: Any) -> Any:
    """Return a dataset that ``tf.data`` rewrites, by the cheapest of its rewrites, so that it owns it."""
    options = sys.modules["tensorflow"].data.Options()
    options.experimental_optimization.noop_elimination = True
    return dataset.with_options(options)


def _has_iterators(strategy: Any) -> bool:
    """Tell whether the devices of a strategy take batches from one iterator."""
    distribute = sys.modules["tensorflow"].distribute
    kinds = ("MirroredStrategy", "MultiWorkerMirroredStrategy", "OneDeviceStrategy", "TPUStrategy")
    return isinstance(strategy, tuple(getattr(distribute, name) for name in kinds))
