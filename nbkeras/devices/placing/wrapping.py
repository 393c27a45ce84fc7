"""`on_device`: puts a layer or a model on a device."""

from __future__ import annotations

from typing import Any

from nbkeras.devices.placing.layer import on_device_class
from nbkeras.devices.placing.names import short, usable
from nbkeras.devices.placing.sharing import is_wrapped
from nbkeras.devices.placing.suited import refuse_unsuited
from nbkeras.devices.tensorflow_build import tensorflow
from nbkeras.runtime.keras_lines import is_model, line_of
from nbkeras.runtime.refusal import Refusal


def on_device(
    layer: Any,
    device: str,
    *,
    or_else: str | None = None,
    copy: bool = False,
    name: str | None = None,
) -> Any:
    """Return a layer that has its variables on a device and computes there, its gradients too.

    It is a Keras layer (a ``Wrapper``): it goes into a Sequential, functional or subclassed model, may be
    called several times, and is saved and loaded with the model. Parts that don't wait for each other run at
    the same time. Two wrappers around one layer share its variables: they are where the layer is called
    first, and the other device reads them from there in every step.

    Example:
        >>> import keras, nbkeras
        >>> left, right = keras.Input((140, 256)), keras.Input((140, 256))
        >>> shared = keras.layers.LSTM(64)
        >>> one = nbkeras.on_device(shared, "GPU:0", or_else="CPU:0")(left)
        >>> other = nbkeras.on_device(shared, "GPU:1", or_else="CPU:0")(right)
        >>> model = keras.Model([left, right], keras.layers.concatenate([one, other]))
        >>> len(model.weights)
        3

    Args:
        layer: a layer or a model of either Keras line, on TensorFlow.
        device: TensorFlow's name of the device, such as ``"GPU:1"``; `nbkeras.devices` has them.
        or_else: the device on machines that don't have it. By default that is refused.
        copy: put a copy of the layer, with the same weights, on the device, and leave the layer itself as it
            is. Default False: a layer that has its variables elsewhere is refused.
        name: the wrapper's name; by default the layer's, with the device.

    Returns:
        The wrapper, whose ``layer`` is the layer.

    Raises:
        Refusal: for a device that is not there or a TPU, under a ``tf.distribute`` strategy, with Keras 3 on
            another backend than TensorFlow, and for a layer whose variables are elsewhere.
    """
    refuse_unsuited(layer)
    wanted, place = usable(device, or_else)
    cls = on_device_class(line_of(layer))
    if isinstance(layer, cls):
        raise Refusal(
            f"expected a layer that has no device yet, received {layer.name!r}, which is on {layer.device}: "
            "give  its layer, which is in  .layer"
        )
    weights = layer.get_weights() if copy and layer.built else None
    elsewhere = sorted(devices_of(layer.weights) - {place}) if layer.built else []
    if copy:
        layer = _copied(layer, place)
    elif elsewhere and not is_wrapped(layer):
        raise Refusal(
            f"expected a layer without variables, received {layer.name!r} with variables on "
            f"{', '.join(elsewhere)}: give  copy=True  for a copy of it, with the same weights, on {place}"
        )
    label = name or f"{layer.name}_on_{wanted.lower().replace(':', '_')}"
    made = cls(layer, wanted, or_else=or_else, name=label)
    if weights is not None:
        made.give_weights(weights)
    return made


def devices_of(variables: Any) -> set[str]:
    """Return where variables of either Keras line are."""
    # Keras 3 has TensorFlow's variable in its own one.
    held = (getattr(each, "_value", each) for each in variables)
    return {short(each.device) for each in held if each is not None}


def _copied(layer: Any, place: str) -> Any:
    """Return a layer of the same configuration, made on a device; its variables may come later."""
    try:
        with tensorflow().device(place):
            made = type(layer).from_config(layer.get_config())
            shapes = layer.get_build_config() if layer.built and not made.built else None
            if shapes:
                made.build_from_config(shapes)
    except (TypeError, ValueError, NotImplementedError) as error:
        kind = "model" if is_model(layer) else "layer"
        raise Refusal(
            f"copy: expected a {kind} that can be made from its get_config, received {layer.name!r} "
            f"({str(error).splitlines()[0]}): make it new, in on_device"
        ) from error
    return made
