"""One batch of the notebook's data, as ``fit`` would give it to a step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

# Few are enough to see what a step does, and quick for a large model.
SAMPLES = 8
_PAIRS = (("x_train", "y_train"), ("X_train", "y_train"), ("x", "y"), ("X", "y"))
_DATASETS = ("train", "train_ds", "train_dataset", "train_data", "training", "dataset", "ds")


def data_of(namespace: Mapping[str, Any], model: Any) -> tuple[str, Any]:
    """Return data of the notebook under one of the usual names that go into the model, and what they are.

    Raises:
        Refusal: when there are none.
    """
    for names in _PAIRS:
        x = namespace.get(names[0])
        if names[1] in namespace and _goes_in(x, model):
            return ", ".join(names), (x, namespace[names[1]])
    for name in _DATASETS:
        if _is_dataset(namespace.get(name)):
            return name, namespace[name]
    text = (
        "expected data to try the step on, received none under a usual name (x and y, x_train and y_train, "
        'train): add  --data "inputs, targets"  or  --no-trial'
    )
    raise Refusal(text)


def one_batch(data: Any, model: Any) -> Any:
    """Return one batch of tensors: the first samples of arrays, the first batch of a dataset.

    Args:
        data: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, a ``tf.data.Dataset`` or a ``PyDataset``.
        model: the model that it is for.

    Raises:
        Refusal: when it holds no batch, or ends once it was read.
    """
    import tensorflow as tf

    if hasattr(data, "__next__"):
        text = (
            f"data: expected data that can be read again, received a {type(data).__name__} that ends once: "
            "give arrays or a tf.data.Dataset"
        )
        raise Refusal(text)
    if _is_dataset(data):
        batch = next(iter(data), None) if hasattr(data, "element_spec") else data[0]
        if batch is None:
            text = "data: expected a dataset with a batch in it, received an empty one: give another"
            raise Refusal(text)
        return tf.nest.map_structure(tf.convert_to_tensor, batch)
    parts = data if isinstance(data, tuple) else (data,)
    line = line_of(model)
    _refuse_other_lengths(parts)
    floatx = keras_module(line).backend.floatx()
    samples = _fixed_samples(model) or SAMPLES
    cut = tf.nest.map_structure(lambda part: _first(part, samples, floatx), parts)
    return keras_module(line).utils.pack_x_y_sample_weight(*cut)


def smaller(batch: Any, specs: Any) -> Any:
    """Return the last five eighths of a batch, as the last batch of an epoch may be smaller.

    Args:
        batch: one batch of tensors.
        specs: the forms of the batches that fit will give; where they fix its size, it is returned whole.
    """
    import tensorflow as tf

    tensors = [tensor for tensor in tf.nest.flatten(batch) if tensor is not None]
    forms = [form for form in tf.nest.flatten(specs) if form is not None]
    is_free = all(getattr(form, "shape", (1,))[:1] == [None] for form in forms)
    if not is_free or not all(tf.is_tensor(tensor) and tensor.shape.rank for tensor in tensors):
        return batch
    rows = max(1, int(tensors[0].shape[0]) * 5 // 8)
    return tf.nest.map_structure(lambda tensor: None if tensor is None else tensor[-rows:], batch)


def specs_of(data: Any, batch: Any, model: Any) -> Any:
    """Return the forms of the batches that ``fit`` will give: the last one of an epoch may be smaller."""
    import tensorflow as tf

    if hasattr(data, "element_spec"):
        return data.element_spec
    is_fixed = _fixed_samples(model) is not None

    def form(tensor: Any) -> Any:
        shape = tensor.shape if is_fixed else [None, *tensor.shape[1:]]
        return tf.TensorSpec(shape, tensor.dtype)

    return tf.nest.map_structure(lambda tensor: None if tensor is None else form(tensor), batch)


def _first(part: Any, samples: int, floatx: str) -> Any:
    import numpy as np
    import tensorflow as tf

    if part is None:
        return None
    is_array = hasattr(part, "shape") and not hasattr(part, "iloc")
    tensor = tf.convert_to_tensor((part if is_array else np.asarray(part))[:samples])
    # As fit does: floating numbers in Keras's own precision.
    return tf.cast(tensor, floatx) if tensor.dtype.is_floating else tensor


def _fixed_samples(model: Any) -> int | None:
    """Return the size of a batch where a model takes no other."""
    inputs = getattr(model, "inputs", None) or [None]
    fixed = getattr(inputs[0], "shape", (None,))[0]
    return None if fixed is None else int(fixed)


def _refuse_other_lengths(parts: tuple[Any, ...]) -> None:
    import tensorflow as tf

    try:
        lengths = {len(part) for part in tf.nest.flatten(parts) if part is not None}
    except TypeError:
        kinds = ", ".join(type(part).__name__ for part in parts)
        text = f"data: expected arrays or a dataset, received {kinds}: give  x, y  or a tf.data.Dataset"
        raise Refusal(text) from None
    if len(lengths) > 1 or 0 in lengths:
        text = (
            f"data: expected arrays of one length, received lengths {', '.join(map(str, sorted(lengths)))}: "
            "give as many targets as inputs"
        )
        raise Refusal(text)


def _is_dataset(data: Any) -> bool:
    has_batches = {"PyDataset", "Sequence"} & {base.__name__ for base in type(data).__mro__}
    return hasattr(data, "element_spec") or (bool(has_batches) and line_of(data) is not None)


def _goes_in(x: Any, model: Any) -> bool:
    shape = getattr(x, "shape", None)
    expected = getattr(model, "input_shape", None) if getattr(model, "built", False) else None
    if shape is None or len(shape) == 0:
        return False
    if not isinstance(expected, tuple) or not all(d is None or isinstance(d, int) for d in expected):
        return True
    return len(expected) == len(shape) and all(
        e in (None, s) for e, s in zip(expected[1:], shape[1:], strict=True)
    )
