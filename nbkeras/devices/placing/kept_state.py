"""Leaves everything that a run of a function could change as it was, bit for bit."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def kept_variables(function: Any) -> Iterator[None]:
    """Put back all variables that a function can reach: weights, statistics, states of random generators.

    Args:
        function: a concrete function of TensorFlow.
    """
    import tensorflow as tf

    # By their handles: a layer may use variables that neither it nor Keras knows of.
    handles = [each for each in function.captured_inputs if each.dtype == tf.resource]
    variables = [(each, _dtype(each)) for each in handles if _dtype(each) is not None]
    before = [tf.raw_ops.ReadVariableOp(resource=each, dtype=dtype).numpy() for each, dtype in variables]
    try:
        yield
    finally:
        for (handle, dtype), value in zip(variables, before, strict=True):
            tf.raw_ops.AssignVariableOp(resource=handle, value=tf.constant(value, dtype))


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Put back the states of Python's and NumPy's global random generators."""
    import numpy as np

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is what is kept
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002 - as above


def _dtype(handle: Any) -> Any:
    # A table or an iterator is a resource, too, and has none.
    import tensorflow as tf

    data = getattr(handle, "_handle_data", None)
    if data is None or not data.is_set or not data.shape_and_type:
        return None
    return tf.dtypes.as_dtype(data.shape_and_type[0].dtype)
