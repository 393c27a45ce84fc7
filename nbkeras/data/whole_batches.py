"""A pipeline whose uneven batches go whole to each replica of a strategy, and not in unequal parts.

Keras takes the mean of what each replica has, and the mean of those means. With unequal parts the samples of
a smaller part count for more, and weights of samples can't mend that and leave metrics as they are. When each
replica has the whole batch, the mean of all means is the mean.
"""

from __future__ import annotations

from typing import Any


def whole_for_each(dataset: Any, replicas: int, *, length: int, every: bool = False) -> Any:
    """Return a dataset whose last batch of each epoch is given out whole to each replica.

    ``tf.distribute`` (TensorFlow 2.21) cuts a batch whose size it does not know beforehand into as many equal
    parts as there are replicas. Here the batch has a copy of itself for each of them, one behind the other.

    Example:
        >>> import tensorflow as tf
        >>> batches = tf.data.Dataset.range(5).batch(2)
        >>> [each.tolist() for each in whole_for_each(batches, 2, length=3).as_numpy_iterator()]
        [[0, 1], [2, 3], [4, 4]]

    Args:
        dataset: a ``tf.data.Dataset`` of batches: tensors that are no scalars, in any structure.
        replicas: how many replicas share a batch.
        length: batches of an epoch; the dataset has those of one epoch, or begins again behind them.
        every: whether all batches are given out so. Default False: the last one of an epoch.
    """
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def given_out(number: Any, batch: Any) -> Any:
        times = replicas if every else tf.where(number % length == length - 1, replicas, 1)
        copies = tf.nest.map_structure(lambda each: _repeated(each, times), batch)
        return tf.data.Dataset.from_tensors(copies)

    # flat_map hides the size of the batches, which would be cut into parts of a fixed size otherwise.
    made = dataset.enumerate().flat_map(given_out)
    made = made.apply(tf.data.experimental.assert_cardinality(dataset.cardinality()))
    options = tf.data.Options()
    # Each worker reads all batches and takes its parts of them.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return made.with_options(options)


def _repeated(tensor: Any, times: Any) -> Any:
    import tensorflow as tf

    repeated = tf.tile(tensor, tf.stack([times, *[1] * (tensor.shape.rank - 1)]))
    repeated.set_shape([None, *tensor.shape[1:]])
    return repeated
