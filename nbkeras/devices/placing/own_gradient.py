"""Computes a layer and its gradients on one device.

``tf.device`` in a layer's ``call`` places the operations of the forward pass alone: those of the gradients
are made later, outside of it, and go to TensorFlow's first device (TensorFlow 2.21, both Keras lines). So the
layer gets a gradient of its own by ``tf.custom_gradient``: it asks a tape that recorded this layer only, on
the device.
"""

from __future__ import annotations

import sys
from typing import Any

from nbkeras.devices.placing.inner_losses import LossesOfOneCall


def computed_on(device: str, layer: Any, call: tuple[Any, Any], first_mask: Any) -> Any:
    """Call a layer on a device, with its gradients there.

    What the layer adds to the loss by itself (``add_loss``, an activity regularizer) has its gradient, too.

    Args:
        device: TensorFlow's name of it.
        layer: a layer of either Keras line.
        call: its arguments, by place and by name.
        first_mask: the mask of the first argument; None for what the tensors carry themselves.
    """
    # AutoGraph (tf_keras) reads this function, and warns of an import.
    tf = sys.modules["tensorflow"]
    flat = tf.nest.flatten(call, expand_composites=True)
    at = [number for number, each in enumerate(flat) if tf.is_tensor(each)]
    masks = [getattr(flat[number], "_keras_mask", None) for number in at]
    for number, mask in enumerate(tf.nest.flatten(first_mask)[: len(at)]):
        if tf.is_tensor(mask):
            masks[number] = mask
    made: dict[str, Any] = {}

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def computed(*given: Any) -> Any:
        with tf.device(device), tf.GradientTape(persistent=True) as tape:
            # The same tensor may come twice: each has a gradient of its own.
            inputs = [tf.identity(each) for each in given]
            for each, mask in zip(inputs, masks, strict=True):
                each._keras_mask = mask  # noqa: SLF001 - where both Keras lines keep it
            tape.watch([each for each in inputs if _has_gradient(each)])
            filled = list(flat)
            for number, each in zip(at, inputs, strict=True):
                filled[number] = each
            args, kwargs = tf.nest.pack_sequence_as(call, filled, expand_composites=True)
            losses = LossesOfOneCall(layer)
            outputs = layer(*args, **kwargs)
        parts = tf.nest.flatten(outputs, expand_composites=True)
        tensors = [each for each in parts if tf.is_tensor(each)]
        made.update(outputs=outputs, parts=parts, losses=losses)
        made["masks"] = [getattr(each, "_keras_mask", None) for each in tensors]
        results = [*tensors, *losses.added()]

        def backward(*upstream: Any, variables: Any = ()) -> Any:
            pairs = [
                (result, each)
                for result, each in zip(results, upstream, strict=True)
                if _has_gradient(result) and each is not None
            ]
            targets, given_back = [each for each, _ in pairs], [each for _, each in pairs]
            with tf.device(device):
                found = tape.gradient(targets, [*inputs, *variables], given_back)
            gradients = found[: len(inputs)]
            return (gradients, found[len(inputs) :]) if variables else gradients

        return results, backward

    results = computed(*(flat[number] for number in at))
    tensors = results[: len(made["masks"])]
    made["losses"].replace(results[len(tensors) :])
    for each, mask in zip(tensors, made["masks"], strict=True):
        each._keras_mask = mask  # noqa: SLF001 - as above
    rest = iter(tensors)
    parts = [next(rest) if tf.is_tensor(each) else each for each in made["parts"]]
    return tf.nest.pack_sequence_as(made["outputs"], parts, expand_composites=True)


def _has_gradient(tensor: Any) -> bool:
    return bool(tensor.dtype.is_floating or tensor.dtype.is_complex)
