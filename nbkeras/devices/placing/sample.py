"""Inputs with which a model can be run once."""

from __future__ import annotations

from typing import Any

from nbkeras.runtime.refusal import Refusal

_ROWS = 2
_LENGTH = 8


def inputs_of(model: Any, batch: Any = None) -> Any:
    """Return a batch as tensors; without one, zeros as the model's inputs tell them.

    Raises:
        Refusal: for a dataset, and for a model that does not tell its inputs.
    """
    import tensorflow as tf

    if isinstance(batch, tf.data.Dataset):
        raise Refusal("batch: expected inputs of the model, received a Dataset: give  next(iter(data))[0]")
    if batch is not None:
        return tf.nest.map_structure(tf.convert_to_tensor, batch)
    inputs = _inputs(model)
    if inputs is not None:
        return tf.nest.map_structure(lambda each: _zeros(each.shape, each.dtype), inputs)
    told = (model.get_build_config() or {}).get("input_shape")
    if isinstance(told, (tuple, list)) and all(each is None or isinstance(each, int) for each in told):
        return _zeros(told, "float32")
    raise Refusal(
        f"batch: expected one, as {model.name!r} does not tell its inputs, received none: give inputs that "
        "it takes, such as  x[:2]"
    )


def _inputs(model: Any) -> Any:
    """Return the symbolic inputs of a model in the form that it is called with, None where it tells none."""
    if not getattr(model, "inputs", None):
        return None
    try:
        return model.input
    except (AttributeError, ValueError):
        # A Sequential of Keras 3 has no input before it is part of another model.
        return model.inputs[0]


def _zeros(shape: Any, dtype: Any) -> Any:
    import tensorflow as tf

    rows, *sizes = shape
    return tf.zeros([rows or _ROWS, *(each or _LENGTH for each in sizes)], dtype)
