"""Datasets that belong to their iterators, so that these may be left before their end.

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


def rewritten(dataset: Any) -> Any:
    """Return a dataset that ``tf.data`` rewrites, by the cheapest of its rewrites; its iterators own it.

    Example:
        >>> import tensorflow as tf
        >>> [int(number) for number in rewritten(tf.data.Dataset.range(3))]
        [0, 1, 2]

    Args:
        dataset: any ``tf.data.Dataset``.
    """
    options = sys.modules["tensorflow"].data.Options()
    options.experimental_optimization.noop_elimination = True
    return dataset.with_options(options)
