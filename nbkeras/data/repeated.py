"""One iterator for all epochs of a dataset, so that its random numbers go on from one to the next."""

from __future__ import annotations

from typing import Any


def repeated(dataset: Any, *, deterministic: bool) -> Any:
    """Return a dataset that begins again where it ends, and reads no element that nobody has asked for.

    In one iterator, seeded operations in ``map`` go on with their random numbers, however often the dataset
    begins again (measured with TensorFlow 2.21).

    Args:
        dataset: a finite ``tf.data.Dataset``.
        deterministic: whether TensorFlow's operations are; ``tf.data`` then adds no reading ahead of its own.
    """
    import tensorflow as tf

    if not deterministic:
        # tf.data would read ahead behind the repeat: into an epoch that may never come, whose shuffling and
        # Python functions the next training would miss. Within the epoch it is as good.
        dataset = dataset.prefetch(tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    return dataset.repeat().with_options(options)
