"""Arrays as a pipeline with an order of its own each epoch, the same in each run.

Keras 3 shuffles arrays by a random operation inside ``Dataset.map`` and makes a new iterator for each
epoch. Once a seed of TensorFlow is set, each new iterator begins that operation's random numbers again, so
every epoch has one and the same order (measured with Keras 3.15 and TensorFlow 2.21; tensorflow#35682 has
the same of random operations in ``map``). ``Dataset.shuffle`` keeps its random numbers outside the iterator.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nbkeras.data.tensors import LeftToKeras, packed, tensors
from nbkeras.runtime.keras_lines import active_line

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line


def ordered_batches(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int,
    seed: int,
    shuffle: bool = True,
    line: Line | None = None,
) -> Any:
    """Return arrays as a finite ``tf.data.Dataset`` of batches, as ``fit`` would make them of the arrays.

    Each iteration of the dataset has another order, and the orders follow from the seed and from
    TensorFlow's global seed. Only indices are shuffled, the arrays stay as they are in memory. Types become
    those that Keras's own ``fit`` makes of them: NumPy's floats become ``floatx``, a pandas Series a column.

    Example:
        >>> import numpy as np
        >>> batches = ordered_batches(np.arange(4), batch_size=2, seed=1)
        >>> sorted(int(value) for batch in batches for value in batch)
        [0, 1, 2, 3]

    Args:
        x: NumPy arrays, tensors or pandas objects; a list, tuple or dict of them for several inputs.
        y: targets, likewise; by default there are none.
        sample_weight: weights of the samples, likewise; by default there are none.
        batch_size: samples in a batch; the last batch may have fewer.
        seed: what the orders follow from, 0 or more.
        shuffle: False keeps the order of the arrays. Default True.
        line: the Keras line whose types are made; by default the one that ``tf.keras`` is.

    Raises:
        LeftToKeras: for data that only Keras can take (sparse, ragged, lists of numbers), or that fit would
            refuse.
    """
    import tensorflow as tf

    arrays = tensors(packed(x, y, sample_weight, line or active_line()), line or active_line())
    sizes = {int(array.shape[0]) for array in tf.nest.flatten(arrays)}
    if len(sizes) != 1 or 0 in sizes:
        raise LeftToKeras("arrays of unequal length" if len(sizes) > 1 else "no samples")

    count, order = max(sizes), _shuffled if shuffle else _as_they_are
    whole = count // batch_size * batch_size

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def indices(key: Any) -> Any:
        # Whole batches are rows of one tensor: no index goes through the pipeline on its own.
        all_of_them = order(count, key)
        rows = tf.data.Dataset.from_tensor_slices(tf.reshape(all_of_them[:whole], [-1, batch_size]))
        return rows if whole == count else rows.concatenate(tf.data.Dataset.from_tensors(all_of_them[whole:]))

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def batch_of(rows: Any) -> Any:
        return tf.nest.map_structure(lambda array: tf.gather(array, rows), arrays)

    keys = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    batches = keys.flat_map(indices).map(batch_of, num_parallel_calls=tf.data.AUTOTUNE)
    batches = batches.apply(tf.data.experimental.assert_cardinality(math.ceil(count / batch_size)))
    options = tf.data.Options()
    # As for Keras's own arrays: there are no files to share out between workers.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.with_options(options).prefetch(tf.data.AUTOTUNE)


def _shuffled(count: int, key: Any) -> Any:
    import tensorflow as tf

    numbers = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(numbers, seed=tf.stack([key, tf.zeros_like(key)]))


def _as_they_are(count: int, _key: Any) -> Any:
    import tensorflow as tf

    return tf.range(count, dtype=tf.int64)
