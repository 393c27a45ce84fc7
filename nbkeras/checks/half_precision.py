"""What goes wrong in 16 bits: NBK103 to NBK110."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.checks.finding import Finding
from nbkeras.checks.layer_dtypes import SHORT, computing, output_layers
from nbkeras.runtime.keras_lines import LINES, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

_SCALERS = {"LossScaleOptimizer", "BaseLossScaleOptimizer"}
_SCALING = {"scale_loss", "get_scaled_loss", "minimize", "super"}
_FEW = 3
_EIGHT = 8


def half_precision(model: Any, *, batch_size: int | None = None, tensor_cores: bool = False) -> list[Finding]:
    """Find what is likely wrong with a model that computes in 16 bits.

    Args:
        model: a compiled model of either Keras line.
        batch_size: samples in a batch, if it is known.
        tensor_cores: whether it trains on GPUs with tensor cores. Default False.

    Returns:
        What was found; nothing for a model whose layers all compute in float32.
    """
    layers = computing(model)
    if not any(layer.compute_dtype in SHORT for layer in layers):
        return []
    found = [short_output(model), short_loss(model), unscaled(model), unscaled_step(model)]
    found += [scaled_twice(model), scaled_for_nothing(model)]
    found += [odd_sizes(model, batch_size) if tensor_cores else None, lost_epsilon(model)]
    return [finding for finding in found if finding is not None]


def scales_loss(optimizer: Any) -> bool:
    """Tell whether an optimizer takes the gradients of a loss that it has scaled."""
    return bool({cls.__name__ for cls in type(optimizer).__mro__} & _SCALERS)


def short_output(model: Any) -> Finding | None:
    """Find an output layer that computes in 16 bits: its probabilities and logits are rounded to 3 digits."""
    layer = next((each for each in output_layers(model) if each.compute_dtype in SHORT), None)
    if layer is None:
        return None
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if activation == "linear":
        fix = f'{type(layer).__name__}(…, dtype="float32")  for the output layer, and make the model again'
    else:
        fix = (
            f'{type(layer).__name__}(…, dtype="float32")  for the output layer, or  '
            f'keras.layers.Activation("{activation}", dtype="float32")  behind it, and make the model again'
        )
    return Finding(
        "NBK103",
        "warning",
        f"the output layer {layer.name!r} computes in 16 bits, too coarse for what a loss is made of",
        f"{activation} in {layer.compute_dtype}",
        fix,
    )


def short_loss(model: Any) -> Finding | None:
    """Find a loss that is computed in 16 bits.

    Keras 3.15 casts what a loss is given to the loss's own dtype, float32 where none was said; tf_keras 2.21
    computes it in the dtype of the model's output, so that in float16 the square of 256 is infinite.
    """
    if line_of(model) == "tf_keras":
        layer = next((each for each in output_layers(model) if each.compute_dtype in SHORT), None)
        if layer is None or getattr(model, "loss", None) is None:
            return None
        dtype, fix = layer.compute_dtype, f'{type(layer).__name__}(…, dtype="float32")  for the output layer'
    else:
        losses = [each for each in _leaves(getattr(model, "loss", None)) if _dtype(each) in SHORT]
        if not losses:
            return None
        dtype, fix = _dtype(losses[0]), f"{type(losses[0]).__name__}()  without dtype"
    limit = "65504 is its largest number" if dtype == "float16" else "it has 3 digits"
    return Finding("NBK104", "warning", "the loss is computed in 16 bits", f"{dtype}: {limit}", fix)


def unscaled(model: Any) -> Finding | None:
    """Find float16 layers whose small gradients are lost because nobody scales the loss."""
    layers = [each for each in computing(model) if each.compute_dtype == "float16"]
    trained = [each for each in layers if each.trainable and getattr(each, "trainable_weights", None)]
    optimizer = getattr(model, "optimizer", None)
    if not trained or optimizer is None or scales_loss(optimizer):
        return None
    return Finding(
        "NBK105",
        "warning",
        "nobody scales the loss, so gradients below 6e-8 are 0 in float16",
        f"{_named(trained)} in float16, optimizer {type(optimizer).__name__}",
        "model.compile(keras.mixed_precision.LossScaleOptimizer(optimizer), …)",
    )


def unscaled_step(model: Any) -> Finding | None:
    """Find a ``train_step`` of one's own that does not scale the loss for an optimizer that expects it."""
    step = getattr(type(model), "train_step", None)
    code = getattr(step, "__code__", None)
    if code is None or not scales_loss(getattr(model, "optimizer", None)) or _is_keras_s(step):
        return None
    if set(_names(code, type(model))) & _SCALING:
        return None
    if line_of(model) == "tf_keras":
        sentence = "train_step does not scale the loss, so gradients below 6e-8 are 0 in float16"
        fix = (
            "scaled = self.optimizer.get_scaled_loss(loss)  in the tape, and  "
            "self.optimizer.get_unscaled_gradients(…)  of its gradients"
        )
    else:
        sentence = "train_step does not scale the loss, and the optimizer divides its gradients by the scale"
        fix = "scaled = self.optimizer.scale_loss(loss)  in the tape, and the gradients of that"
    return Finding("NBK106", "warning", sentence, "LossScaleOptimizer, 32768 at first", fix)


def scaled_twice(model: Any) -> Finding | None:
    """Find an optimizer that is wrapped twice: Keras 3 takes that, and divides the gradients twice."""
    optimizer = getattr(model, "optimizer", None)
    inner = getattr(optimizer, "inner_optimizer", None)
    if not scales_loss(optimizer) or not scales_loss(inner):
        return None
    return Finding(
        "NBK107",
        "warning",
        "the optimizer is wrapped in LossScaleOptimizer twice: the loss is scaled once, the gradients are "
        "divided twice",
        "LossScaleOptimizer(LossScaleOptimizer(…))",
        "keras.mixed_precision.LossScaleOptimizer(optimizer)  once; compile does it for mixed_float16",
    )


def scaled_for_nothing(model: Any) -> Finding | None:
    """Find a loss that is scaled although no layer computes in float16."""
    optimizer = getattr(model, "optimizer", None)
    dtypes = {each.compute_dtype for each in computing(model)}
    if not scales_loss(optimizer) or "float16" in dtypes:
        return None
    return Finding(
        "NBK108",
        "hint",
        "the loss is scaled for nothing: bfloat16 has the range of float32",
        f"LossScaleOptimizer, layers in {' and '.join(sorted(dtypes))}",
        "model.compile(optimizer, …)  without LossScaleOptimizer",
    )


def odd_sizes(model: Any, batch_size: int | None) -> Finding | None:
    """Find sizes that are no multiples of 8, which tensor cores take best (NVIDIA's performance guide)."""
    odd = []
    for layer in computing(model):
        units = getattr(layer, "units", None) or getattr(layer, "filters", None)
        if layer.compute_dtype in SHORT and isinstance(units, int) and units % _EIGHT:
            odd.append((layer, units))
    said = [f"{layer.name}: {units}" for layer, units in odd[:_FEW]]
    if len(odd) > _FEW:
        said.append(f"{len(odd) - _FEW} more")
    if batch_size is not None and batch_size % _EIGHT:
        said.append(f"batches of {batch_size}")
    if not said:
        return None
    number = odd[0][1] if odd else int(batch_size or _EIGHT)
    near = max(_EIGHT, round(number / _EIGHT) * _EIGHT)
    sentence = "sizes that are no multiples of 8 do not fill the tensor cores"
    return Finding("NBK109", "hint", sentence, ", ".join(said), f"{near}  in place of {number}")


def lost_epsilon(model: Any) -> Finding | None:
    """Find a small constant that is 0 in float16, so that what it keeps from a division by 0 fails."""
    places = [
        (layer.name, value)
        for layer in computing(model)
        # Keras's own layers compute such things in float32.
        if layer.compute_dtype == "float16" and line_of_class(layer) is None
        for value in (getattr(layer, "epsilon", None), getattr(layer, "eps", None))
    ]
    if any(str(layer.variable_dtype) == "float16" for layer in computing(model)):
        optimizer = getattr(model, "optimizer", None)
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        places.append(("the optimizer", getattr(inner, "epsilon", None)))
    place, value = next(((place, value) for place, value in places if _is_lost(value)), ("", 0.0))
    if not place:
        return None
    return Finding(
        "NBK110",
        "warning",
        f"the epsilon of {place} is 0 in float16",
        f"{value:g}, the smallest number is 6e-08",
        "1e-4",
    )


def line_of_class(thing: Any) -> str | None:
    """Return the Keras line that an object's own class comes from, None for a class of one's own."""
    root = type(thing).__module__.partition(".")[0]
    return root if root in LINES else None


def _is_lost(value: Any) -> bool:
    return isinstance(value, float) and value > 0 and float(np.float16(value)) == 0


def _is_keras_s(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] in LINES


def _names(code: CodeType, owner: type) -> Iterator[str]:
    """Yield the names that a method uses, and the methods of its class that it calls."""
    waiting, seen = [code], set()
    while waiting:
        now = waiting.pop()
        if now in seen:
            continue
        seen.add(now)
        yield from now.co_names
        waiting += [const for const in now.co_consts if hasattr(const, "co_names")]
        called: list[Any] = [getattr(owner, name, None) for name in now.co_names]
        waiting += [each.__code__ for each in called if hasattr(each, "__code__") and not _is_keras_s(each)]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each)
    elif value is not None and not isinstance(value, str):
        yield value


def _dtype(loss: Any) -> str:
    return str(getattr(loss, "dtype", ""))


def _named(layers: list[Any]) -> str:
    names = ", ".join(layer.name for layer in layers[:_FEW])
    return names if len(layers) <= _FEW else f"{names} and {len(layers) - _FEW} more"
