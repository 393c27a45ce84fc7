"""Arrays of all kinds as the tensors that ``fit`` would make of them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runtime.keras_lines import keras_module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.runtime.keras_lines import Line


class LeftToKeras(TypeError):  # noqa: N818 - nothing is wrong with the data
    """Say which data only Keras itself can take: "a sparse matrix"."""


def packed(x: Any, y: Any, sample_weight: Any, line: Line) -> Any:
    """Put inputs, targets and weights together as Keras does, with tuples for lists.

    Raises:
        LeftToKeras: for one array of weights that Keras would not take for several targets.
    """
    # tf.data makes one tensor of a list, and a structure of a tuple.
    x, y, sample_weight = _tuples(x), _tuples(y), _tuples(sample_weight)
    if y is None:
        return (x,) if isinstance(x, tuple) else x
    if sample_weight is None:
        return (x, y)
    if line == "keras" and isinstance(y, (tuple, dict)) and not isinstance(sample_weight, (tuple, dict)):
        shape = tuple(getattr(sample_weight, "shape", ()))
        # One number for each sample, as a row or as a column.
        if shape != shape[:1] and shape != (*shape[:1], 1):
            raise LeftToKeras("one array of sample weights for several targets")
        sample_weight = _for_each(y, sample_weight)
    return (x, y, sample_weight)


def tensors(structure: Any, line: Line) -> Any:
    """Return a structure of arrays as tensors in main memory, of the types that a Keras line gives them.

    Raises:
        LeftToKeras: for a member that is no dense array.
    """
    import tensorflow as tf

    floatx = keras_module(line).backend.floatx()
    # With a GPU, tensors would be made in its memory.
    with tf.device("CPU:0"):
        made = _mapped(structure, lambda array: _tensor(array, line, floatx))
    for array in tf.nest.flatten(made):
        if array.shape.rank == 0:
            raise LeftToKeras("single numbers")
    return made


def weights_of_classes(y: Any, class_weight: Mapping[int, float], line: Line) -> Any:
    """Return the weights of samples that weights of classes mean, as Keras 3 makes them of arrays.

    With a dataset, Keras 3 looks the weights up in a table that ends with the last class that has one; with
    arrays, a class without a weight counts 1.

    Raises:
        LeftToKeras: for several targets, which Keras refuses.
    """
    if isinstance(y, (list, tuple, dict)) or y is None:
        raise LeftToKeras("class_weight for other than one array of targets")
    classes = np.asarray(y)
    if classes.ndim > 1:
        classes = classes.argmax(-1) if classes.shape[-1] != 1 else classes.squeeze(-1)
    given = [class_weight.get(int(each), 1.0) for each in np.round(classes).astype("int32").ravel()]
    return np.asarray(given, keras_module(line).backend.floatx()).reshape(classes.shape)


def leaves(structure: Any) -> Iterator[Any]:
    """Yield the arrays of a structure."""
    if isinstance(structure, (list, tuple)):
        for each in structure:
            yield from leaves(each)
    elif isinstance(structure, dict):
        for each in structure.values():
            yield from leaves(each)
    else:
        yield structure


def _tuples(structure: Any) -> Any:
    if isinstance(structure, list):
        return tuple(_tuples(each) for each in structure)
    return structure if not isinstance(structure, dict) else {k: _tuples(v) for k, v in structure.items()}


def _for_each(structure: Any, value: Any) -> Any:
    return _mapped(structure, lambda _: value)


def _mapped(structure: Any, function: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _mapped(each, function) for key, each in structure.items()}
    if isinstance(structure, tuple):
        return tuple(_mapped(each, function) for each in structure)
    return function(structure)


def _tensor(array: Any, line: Line, floatx: str) -> Any:
    import tensorflow as tf

    pandas = sys.modules.get("pandas")
    if isinstance(array, (tf.RaggedTensor, tf.SparseTensor)) or hasattr(array, "tocoo"):
        raise LeftToKeras(f"a {type(array).__name__}")
    if pandas is not None and isinstance(array, pandas.Series):
        array = np.expand_dims(array.to_numpy(), -1)
    if pandas is not None and isinstance(array, pandas.DataFrame):
        array = _frame(array, floatx) if line == "keras" else tf.convert_to_tensor(array)
    elif tf.is_tensor(array):
        array = tf.convert_to_tensor(array)
        if line == "keras" and array.dtype.is_floating:
            array = tf.cast(array, floatx)
    elif isinstance(array, np.ndarray) or (line == "keras" and hasattr(array, "__array__")):
        array = np.asarray(array)
        array = array.astype(floatx, copy=False) if np.issubdtype(array.dtype, np.floating) else array
    else:
        raise LeftToKeras("no array" if array is None else f"a {type(array).__name__}")
    try:
        return tf.convert_to_tensor(array)
    except (TypeError, ValueError) as error:
        raise LeftToKeras(f"an array of {getattr(array, 'dtype', 'no type')}") from error


def _frame(frame: Any, floatx: str) -> Any:
    """Return a DataFrame as the array that Keras 3 makes of it."""
    if not all(isinstance(dtype, np.dtype) for dtype in frame.dtypes):
        raise LeftToKeras("a DataFrame with columns of pandas's own types")
    if any(np.issubdtype(dtype, np.floating) and dtype != floatx for dtype in frame.dtypes):
        frame = frame.astype(floatx)
    return frame.to_numpy()
