"""`cache_features`: the outputs of a frozen base, computed once, and the head that trains on them."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.data.ordered import ordered_batches
from nbkeras.data.tensors import LeftToKeras, leaves, tensors
from nbkeras.models.cached.compiling import compile_head
from nbkeras.models.cached.exactness import check_batch, check_data, check_model
from nbkeras.models.cached.splitting import split
from nbkeras.models.checked_numbers import counted
from nbkeras.models.reasons import computing
from nbkeras.models.row_files import RowWriter
from nbkeras.models.stored_rows import StoredRows
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from nbkeras.models.cached.splitting import Split

# Bytes that are kept in memory at most.
MEMORY = 1 << 30
_NAME = "features"


def cache_features(
    model: Any,
    base: Any,
    x: Any,
    *,
    to: str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    memory: int = MEMORY,
) -> CachedFeatures:
    """Compute a frozen base's outputs once, and return them with the head that trains on them.

    In each epoch of the training of a head, a frozen base computes the same again. The head that comes back
    shares its layers, weights and optimizer with the model: what it learns, the model has learned, and there
    is nothing to copy back. Where training the whole model would be anything else, it is refused with the
    reason: trainable weights in the base, BatchNormalization whose statistics move, dropout or augmentation
    up to the cut (a frozen Dropout still drops in training), losses of the base, data that change.

    Example:
        >>> import keras, numpy as np, nbkeras
        >>> base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name="base")
        >>> base.trainable = False
        >>> model = keras.Sequential([keras.Input((4,)), base, keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
        >>> cached = nbkeras.cache_features(model, "base", x)
        >>> history = cached.head.fit(cached.features, y, verbose=0)
        >>> cached.features.shape
        (8, 3)

    Args:
        model: a built functional or sequential model of either Keras line; compile it first, after freezing.
        base: the base, or the last layer of it, by itself or by its name; one of the model's own layers.
        x: the inputs: an array, a list, tuple or dict of them, or a ``tf.data.Dataset`` of batches, with
            targets and weights where it has them.
        to: an HDF5 file for the outputs, replaced when all are there. By default they are in memory.
        batch_size: samples that are computed at a time; a Dataset has its own batches.
        memory: bytes from which on the outputs go to a temporary file instead; 1 GiB by default. It is
            deleted when nothing uses it any more, at the latest when the kernel ends.

    Returns:
        The head, the features, and `CachedFeatures.batches` for ``fit``.

    Raises:
        Refusal: where it would not be exact, with the reason; the model is as it was.
    """
    parts = checked_split(model, base, x, batch_size=batch_size)
    cached = computed(parts, x, to=to, batch_size=batch_size, memory=memory)
    compile_head(parts)
    return cached


def checked_split(model: Any, base: Any, x: Any, *, batch_size: int = 32, compiled: bool = True) -> Split:
    """Part a model behind its base, where the base's outputs can stand for it.

    Args:
        model: as for `cache_features`.
        base: likewise.
        x: the inputs, None where they are not known yet.
        batch_size: samples that are computed at a time.
        compiled: whether the model trains as it is compiled now; False where it is compiled again first.

    Raises:
        Refusal: as `cache_features` does.
    """
    # An input that draws would be drawn once: what is certain of the data comes first.
    if x is not None:
        check_data(x)
    parts = split(model, base)
    check_model(parts, compiled=compiled)
    if x is not None:
        feed = _Feed(parts, x, batch_size)
        first = next(iter(feed), None)
        if first is None:
            raise Refusal("cached features: expected data, received none: give at least one sample")
        with computing(model, "cached features"):
            check_batch(parts, first[0])
            feed.compare_with(first)
    return parts


def computed(
    parts: Split,
    x: Any,
    *,
    to: str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    memory: int | None = None,
    outputs: bool = True,
) -> CachedFeatures:
    """Return a base's outputs for inputs, where `checked_split` has found nothing against it.

    Args:
        parts: the model in two parts; its head is not compiled here.
        x: the inputs.
        to: as for `cache_features`.
        batch_size: likewise.
        memory: likewise; by default its own.
        outputs: False leaves them out, for what a Dataset has beside its inputs.
    """
    feed = _Feed(parts, x, batch_size)
    if not outputs:
        feed.outputs = _none
    most = MEMORY if memory is None else memory
    with computing(parts.model, "cached features"), RowWriter(to, most) as writer:
        return _computed(parts, feed, writer)


class CachedFeatures:
    """The outputs of a base, and the head that trains on them.

    Attributes:
        head: a model that shares its layers, weights and optimizer with the whole one.
        features: the outputs, a row a sample: an array, or rows in an HDF5 file, which can be indexed.
        y: the targets that a Dataset brought along, None without.
        sample_weight: the weights that a Dataset brought along, None without.
        sizes: how many samples each batch of a Dataset had; none for arrays.
    """

    def __init__(self, parts: Split, features: Any, y: Any, sample_weight: Any, sizes: list[int]) -> None:
        """Hold what `cache_features` has computed."""
        self.head, self.features, self.y, self.sample_weight = parts.head, features, y, sample_weight
        self._parts, self.sizes = parts, sizes

    @property
    def is_on_disk(self) -> bool:
        """Whether the features are in a file."""
        return isinstance(self.features, StoredRows)

    def batches(
        self,
        y: Any = None,
        sample_weight: Any = None,
        *,
        batch_size: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
    ) -> Any:
        """Return the features with their targets as a ``tf.data.Dataset`` of batches, for ``fit``.

        In memory and on disk it gives the same batches; of those on disk a batch is read at a time.

        Example:
            >>> cached.head.fit(cached.batches(y, shuffle=True), epochs=20)  # doctest: +SKIP

        Args:
            y: targets, an array; by default those of the Dataset that the features were computed from.
            sample_weight: weights of the samples, likewise.
            batch_size: samples in a batch; by default the batches of the Dataset, else 32.
            shuffle: True gives each epoch an order of its own.
            seed: what the orders follow from, 0 or more.

        Raises:
            Refusal: for targets of another length.
        """
        import tensorflow as tf

        y = self.y if y is None else y
        sample_weight = self.sample_weight if sample_weight is None else sample_weight
        count = len(self.features)
        targets = [each for each in (y, sample_weight) if each is not None]
        for array in leaves(targets):
            if len(array) != count:
                raise Refusal(
                    f"batches: expected {count} targets, one for each sample, received {len(array)}: "
                    "give those of the same samples"
                )
        rest = _tensors(tuple(targets), self._parts.line)
        rows = self._orders(count, batch_size, shuffle=shuffle, seed=seed)
        features, shape = self.features, self.features.shape[1:]
        read = _reader(features)

        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def batch_of(numbers: Any) -> Any:
            found = read(numbers)
            found.set_shape((None, *shape))
            others = tf.nest.map_structure(lambda each: tf.gather(each, numbers), rest)
            return (found, *others) if others else found

        return rows.map(batch_of).prefetch(tf.data.AUTOTUNE)

    def of(self, x: Any, *, batch_size: int = 32) -> Any:
        """Return the base's outputs for other inputs as an array, as for ``validation_data``.

        Example:
            >>> held_out = (cached.of(x_test), y_test)  # doctest: +SKIP

        Args:
            x: an array, a list, tuple or dict of them, or a ``tf.data.Dataset`` of batches.
            batch_size: samples that are computed at a time.

        Raises:
            Refusal: for no data, and for those that the model does not take.
        """
        feed = _Feed(self._parts, x, batch_size)
        with computing(self._parts.model, "cached features"):
            found = [np.asarray(feed.outputs(each)) for each, *_ in feed]
        if not found:
            raise Refusal("cached features: expected data, received none: give at least one sample")
        return np.concatenate(found)

    def __repr__(self) -> str:
        """Say what was computed, in one line."""
        where = f"in {self.features.path}" if self.is_on_disk else "in memory"
        size = int(np.prod(self.features.shape)) * self.features.dtype.itemsize / (1 << 20)
        return (
            f"{self._parts.end.name}'s outputs for {len(self.features):,} samples, {size:.1f} MiB {where}: "
            f"{self.head.name} trains on them"
        )

    def _orders(self, count: int, batch_size: int | None, *, shuffle: bool, seed: int) -> Any:
        import tensorflow as tf

        if shuffle or batch_size is not None or not self.sizes:
            size = batch_size or max(self.sizes, default=32)
            return ordered_batches(
                np.arange(count), batch_size=size, seed=seed, shuffle=shuffle, line=self._parts.line
            )
        ends = list(accumulate(self.sizes))
        starts = [0, *ends[:-1]]
        return tf.data.Dataset.from_tensor_slices((starts, ends)).map(tf.range)


class _Feed:
    """Inputs batch by batch, with what a Dataset has beside them."""

    def __init__(self, parts: Split, x: Any, batch_size: int) -> None:
        import tensorflow as tf

        self.is_dataset = isinstance(x, tf.data.Dataset)
        self._x = x if self.is_dataset else _as_tuples(x)
        self._batch_size, self._parts = counted(batch_size, "batch_size"), parts
        self._count = 0 if self.is_dataset else _count(self._x)
        self.outputs = tf.function(lambda x: parts.base(x, training=False), reduce_retracing=True)

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        if self.is_dataset:
            for element in self._x:
                parts = element if isinstance(element, tuple) else (element,)
                yield (*parts, None, None)[:3]
            return
        for start in range(0, self._count, self._batch_size):
            rows = _rows(self._x, slice(start, start + self._batch_size))
            yield _tensors(rows, self._parts.line), None, None

    def compare_with(self, first: Any) -> None:
        """Refuse a Dataset whose first batch is another one when it is read again."""
        import tensorflow as tf

        if not self.is_dataset:
            return
        pairs = zip(tf.nest.flatten(first), tf.nest.flatten(next(iter(self))), strict=True)
        if not all(a is b or np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs):
            raise Refusal(
                "cached features: expected a Dataset that is the same each time, received one whose first "
                "batch has changed: train without cached features (--no-cache)"
            )


def _computed(parts: Split, feed: _Feed, writer: RowWriter) -> CachedFeatures:
    import tensorflow as tf

    sizes, others = [], []
    for x, *rest in feed:
        outputs = np.asarray(feed.outputs(x))
        writer.append({_NAME: outputs})
        sizes.append(len(outputs))
        others.append([None if each is None else tf.nest.map_structure(np.asarray, each) for each in rest])
    y, sample_weight = (
        None if each[0] is None else tf.nest.map_structure(lambda *a: np.concatenate(a), *each)
        for each in zip(*others, strict=True)
    )
    features = writer.finish()[_NAME]
    return CachedFeatures(parts, features, y, sample_weight, sizes if feed.is_dataset else [])


def _none(x: Any) -> Any:
    return np.empty((len(next(leaves(x))), 0), "float32")


def _reader(features: Any) -> Any:
    import tensorflow as tf

    if not isinstance(features, StoredRows):
        with tf.device("CPU:0"):
            held = tf.convert_to_tensor(features)
        return lambda numbers: tf.gather(held, numbers)
    return lambda numbers: tf.numpy_function(features.__getitem__, [numbers], features.dtype)


def _tensors(structure: Any, line: Any) -> Any:
    try:
        return tensors(structure, line)
    except LeftToKeras as odd:
        raise Refusal(
            f"cached features: expected arrays of numbers, received {odd}: give NumPy arrays"
        ) from odd


def _count(x: Any) -> int:
    import tensorflow as tf

    arrays = list(leaves(x))
    for each in arrays:
        is_sparse = isinstance(each, (tf.RaggedTensor, tf.SparseTensor)) or hasattr(each, "tocoo")
        if is_sparse or not len(getattr(each, "shape", ())):
            raise Refusal(
                f"cached features: expected arrays of numbers, received a {type(each).__name__}: give NumPy "
                "arrays"
            )
    sizes = {len(each) for each in arrays}
    if len(sizes) != 1:
        raise Refusal(
            f"cached features: expected inputs of one length, received {sorted(sizes)}: give as many rows of "
            "each"
        )
    return sizes.pop()


def _as_tuples(x: Any) -> Any:
    return tuple(x) if isinstance(x, list) else x


def _rows(x: Any, rows: slice) -> Any:
    import tensorflow as tf

    return tf.nest.map_structure(lambda each: each[rows], x)
