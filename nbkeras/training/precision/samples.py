"""One batch to measure with, from data of which nothing is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.data.tensors import LeftToKeras, packed, tensors
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.calls import DEFAULT_BATCH_SIZE
from nbkeras.training.seeded import part

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line


def batch_of(data: tuple[Any, Any, Any], size: int | None, line: Line) -> Any:
    """Return one batch as Keras would train on it.

    Of arrays it is the first rows. A dataset is not read, because each iterator moves the order of those that
    come after it: its shapes and types are filled with numbers between 0 and 1, and with zeros.

    Args:
        data: inputs, targets and weights, as ``fit`` is given them.
        size: samples in a batch; None for the dataset's own, or else 32.
        line: the Keras line whose types the arrays get.

    Raises:
        Refusal: for data that have to be drawn, and batches whose shape is not known.
    """
    x, y, weights = data
    if hasattr(x, "element_spec"):
        return _like(x.element_spec, size or DEFAULT_BATCH_SIZE)
    if not hasattr(x, "shape") and not isinstance(x, (list, tuple, dict)):
        raise _refused(f"a {type(x).__name__}")
    rows = slice(0, size or DEFAULT_BATCH_SIZE)
    try:
        made = tensors(packed(part(x, rows), part(y, rows), part(weights, rows), line), line)
    except LeftToKeras as left:
        raise _refused(str(left)) from None
    return made if isinstance(made, tuple) else (made,)


def _refused(received: str) -> Refusal:
    return Refusal(
        f"mixed_precision: expected arrays or a tf.data.Dataset, of which auto draws nothing, received "
        f"{received}: give  on  or  off"
    )


def _like(spec: Any, size: int) -> Any:
    import tensorflow as tf

    generator = np.random.default_rng(0)

    def filled(leaf: Any) -> Any:
        if not isinstance(leaf, tf.TensorSpec) or leaf.shape.rank in (None, 0):
            raise _refused(f"a dataset of {leaf}")
        shape = [size if leaf.shape[0] is None else leaf.shape[0], *leaf.shape[1:]]
        if None in shape:
            raise Refusal(
                f"mixed_precision: expected batches of one known shape beside auto, received {leaf.shape}: "
                "give  on  or  off"
            )
        if leaf.dtype.is_floating:
            return tf.constant(generator.random(shape), leaf.dtype)
        return tf.fill(shape, "") if leaf.dtype == tf.string else tf.zeros(shape, leaf.dtype)

    made = tf.nest.map_structure(filled, spec)
    return made if isinstance(made, tuple) else (made,)
