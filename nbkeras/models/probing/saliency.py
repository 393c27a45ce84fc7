"""`saliency`: how much each input number moves the score of a class."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbkeras.devices.placing.inner_losses import kept_losses
from nbkeras.devices.placing.kept_state import kept_randomness, kept_variables
from nbkeras.models.reasons import computing
from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

_MATRIX = 2


def saliency(model: Any, x: Any, index: Any = None, *, batch_size: int = 32) -> Any:
    """Return the gradient of a class's score by the inputs, in inference, for each sample.

    The score is what the model puts out for the class: behind a softmax that is sure of itself the gradient
    is small. The model and all random numbers stay as they are. The method is that of Simonyan, Vedaldi and
    Zisserman, Deep Inside Convolutional Networks (2013), section 3.

    Example:
        >>> import keras, numpy as np, nbkeras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, use_bias=False)])
        >>> model.set_weights([np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])])
        >>> nbkeras.saliency(model, np.ones((1, 2)), 0).tolist()
        [[1.0, 4.0]]

    Args:
        model: a built model of either Keras line, with one input and one output of a row a sample.
        x: an array of inputs.
        index: the class, or one for each sample; by default that with the highest score.
        batch_size: samples that are computed at a time.

    Returns:
        An array of the shape of ``x``.

    Raises:
        Refusal: for another model, for inputs that are whole numbers, and for a class that there is not.
    """
    import tensorflow as tf

    if not is_model(model) or not model.built:
        what = "one that is not built" if is_model(model) else type(model).__name__
        raise Refusal(f"saliency: expected a built model, received {what}: call it once, as in  model(x[:2])")
    if isinstance(x, (list, tuple, dict)):
        raise Refusal(f"saliency: expected one array of inputs, received a {type(x).__name__}: give an array")
    x = np.asarray(x)
    if x.dtype.kind != "f" or not len(x):
        raise Refusal(
            f"saliency: expected inputs with fractions, received {x.dtype} of shape {x.shape}: type  "
            "x.astype('float32')"
        )

    def gradient(rows: Any, numbers: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(rows)
            scores = model(rows, training=False)
            if not tf.is_tensor(scores) or scores.shape.rank != _MATRIX:
                raise Refusal(
                    "saliency: expected one score for each class, received outputs of shape "
                    f"{getattr(scores, 'shape', type(scores).__name__)}: give a model that classifies"
                )
            chosen = tf.argmax(scores, -1) if numbers is None else numbers
            score = tf.gather(scores, chosen, batch_dims=1)
        found = tape.gradient(score, rows)
        return scores, tf.zeros_like(rows) if found is None else found

    function = tf.function(gradient, autograph=False, reduce_retracing=True)
    numbers = None if index is None else _numbers(index, len(x))
    starts = range(0, len(x), batch_size)
    rows = [tf.constant(x[start : start + batch_size], "float32") for start in starts]
    wanted = [None if numbers is None else tf.constant(numbers[s : s + batch_size]) for s in starts]
    with computing(model, "saliency"), kept_losses(model), kept_randomness():
        traced = function.get_concrete_function(rows[0], wanted[0])
        classes = int(traced.structured_outputs[0].shape[-1])
        if numbers is not None and not ((numbers >= 0) & (numbers < classes)).all():
            raise Refusal(
                f"saliency: expected a class from 0 to {classes - 1}, received {np.asarray(index)}: give one"
            )
        with kept_variables(traced):
            found = [function(each, number)[1].numpy() for each, number in zip(rows, wanted, strict=True)]
    return np.concatenate(found)


def _numbers(index: Any, count: int) -> Any:
    numbers = np.asarray(index)
    if numbers.dtype.kind not in "iu" or numbers.shape not in {(), (count,)}:
        raise Refusal(
            f"saliency: expected the number of a class, or one for each of {count} samples, received "
            f"{numbers.dtype} of shape {numbers.shape}: type  y[:{count}]"
        )
    return np.broadcast_to(numbers.astype("int64"), (count,))
