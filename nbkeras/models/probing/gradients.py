"""`probe`: the gradient of a model's loss by the weights of each of its layers."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from nbkeras.data.tensors import LeftToKeras, packed, tensors
from nbkeras.devices.placing.inner_losses import kept_losses
from nbkeras.devices.placing.kept_state import kept_randomness, kept_variables
from nbkeras.models.outputs.chosen import paths_of
from nbkeras.models.probing.told import LayerGradient, Probe
from nbkeras.models.reasons import computing
from nbkeras.runtime.keras_lines import is_compiled, is_model, line_of
from nbkeras.runtime.refusal import Refusal


def probe(model: Any, x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int = 32) -> Probe:
    """Return the gradient of a model's loss by the weights of each layer, for one batch in training.

    A gradient of nothing, of a size far from that of other layers, or that is not a number tells where a
    training stands still or breaks. The model, its metrics, its optimizer and all random numbers stay as
    they are, bit for bit.

    Example:
        >>> import keras, numpy as np, nbkeras
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="end", use_bias=False)])
        >>> model.compile("sgd", "mse")
        >>> model.set_weights([np.array([[1.0], [0.0]])])
        >>> nbkeras.probe(model, np.array([[1.0, 0.0]]), np.array([[0.0]]))["end"].gradient
        2.0

    Args:
        model: a built and compiled model of either Keras line.
        x: inputs, of which the first batch is taken: arrays, or a ``tf.data.Dataset`` with targets.
        y: targets, for arrays.
        sample_weight: weights of the samples, for arrays.
        batch_size: samples of the batch that is made of arrays.

    Returns:
        The table, as an object: ``loss``, ``layers``, and each layer by its path.

    Raises:
        Refusal: for a model that is not built or compiled, and for data that it does not take.
    """
    _check(model)
    import tensorflow as tf

    inputs, targets, weights = _batch(x, y, sample_weight, batch_size, line_of(model))
    held = [getattr(each, "_value", each) for each in model.trainable_variables]
    mode = {"training": True} if _takes_training(model.call) else {}

    def step(inputs: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape:
            outputs = model(inputs, **mode)
            loss = model.compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=weights)
        found = tape.gradient(loss, held)
        return loss, [
            tf.zeros_like(variable) if each is None else tf.convert_to_tensor(each)
            for variable, each in zip(held, found, strict=True)
        ]

    function = tf.function(step, autograph=False)
    with computing(model, "probe", "fit"), kept_losses(model), kept_randomness():
        traced = function.get_concrete_function(inputs, targets, weights)
        with kept_variables(traced):
            loss, gradients = function(inputs, targets, weights)
    by_weight = {
        id(variable): np.asarray(each, "float64")
        for variable, each in zip(model.trainable_variables, gradients, strict=True)
    }
    samples = int(tf.nest.flatten(inputs)[0].shape[0])
    return Probe(float(loss), samples, tuple(_rows(model, by_weight)))


def _check(model: Any) -> None:
    import tensorflow as tf

    if not is_model(model) or not model.built:
        what = f"{model.name!r}, which is not built" if is_model(model) else type(model).__name__
        raise Refusal(f"probe: expected a built model, received {what}: call it once, as in  model(x[:2])")
    if not is_compiled(model):
        raise Refusal(
            f"probe: expected a model with a loss, received {model.name!r}, which is not compiled: call  "
            "model.compile(optimizer, loss)"
        )
    with model.distribute_strategy.scope():
        # Its compute_loss updates a metric, which tf_keras (2.21) can't do outside of a replica.
        if line_of(model) == "tf_keras" and tf.distribute.has_strategy():
            raise Refusal(
                f"probe: expected a model without a strategy in tf_keras, received {model.name!r} of "
                f"{type(model.distribute_strategy).__name__}: make it outside, and give it the weights"
            )


def _batch(x: Any, y: Any, sample_weight: Any, size: int, line: Any) -> tuple[Any, Any, Any]:
    import tensorflow as tf

    if isinstance(x, tf.data.Dataset):
        element = next(iter(x), None)
        parts = element if isinstance(element, tuple) else (element,)
        found = (*parts, None, None)[:3]
    else:
        x, y, sample_weight = tf.nest.map_structure(
            lambda each: None if each is None else each[:size], (x, y, sample_weight)
        )
        try:
            made = (None, None) if y is None else tensors(packed(x, y, sample_weight, line), line)
        except LeftToKeras as odd:
            raise Refusal(f"probe: expected arrays of numbers, received {odd}: give NumPy arrays") from odd
        found = (*made, None)[:3]
    if found[0] is None or found[1] is None:
        raise Refusal("probe: expected inputs and targets, received no targets: give  x, y")
    return found


def _rows(model: Any, gradients: dict[int, Any]) -> list[LayerGradient]:
    # The innermost layer that has a weight comes last.
    layers = {model.name: model, **paths_of(model)}
    owners = {id(weight): path for path, layer in layers.items() for weight in layer.weights}
    rows = []
    for path, layer in layers.items():
        own = [each for each in layer.weights if owners[id(each)] == path and _is_number(each)]
        if not own:
            continue
        learned = [each for each in own if id(each) in gradients]
        size = _norm([np.asarray(each.numpy(), "float64") for each in learned or own])
        if not learned:
            rows.append(LayerGradient(path, type(layer).__name__, size, None))
            continue
        flat = np.concatenate([gradients[id(each)].ravel() for each in learned])
        zeros = float((flat == 0).mean())
        rows.append(LayerGradient(path, type(layer).__name__, size, _norm([flat]), zeros))
    return rows


def _norm(arrays: list[Any]) -> float:
    return float(np.sqrt(sum(float((each**2).sum()) for each in arrays)))


def _is_number(variable: Any) -> bool:
    # States of random generators are whole numbers.
    return "float" in str(variable.dtype)


def _takes_training(call: Any) -> bool:
    parameters = inspect.signature(call).parameters.values()
    return any(each.name == "training" or each.kind is each.VAR_KEYWORD for each in parameters)
