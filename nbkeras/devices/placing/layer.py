"""`OnDevice`: the wrapper layer whose variables, operations and gradients are on one device."""

from __future__ import annotations

import functools
import sys
import warnings
from typing import Any

from nbkeras.devices.placing import arguments
from nbkeras.devices.placing.deferred import initialise_on
from nbkeras.devices.placing.names import checked, there, usable
from nbkeras.devices.placing.own_gradient import computed_on
from nbkeras.devices.placing.sharing import note, with_token
from nbkeras.devices.placing.suited import refuse_strategy, refuse_unsuited
from nbkeras.runtime.keras_lines import Line, active_line, keras_module, line_of


class OnDeviceMethods:
    """Keeps a layer's variables on a device, and computes it and its gradients there.

    `nbkeras.on_device` makes one, and is what to use: it also looks after layers that are built already. The
    class is public for loading: naming it tells Keras of it.

    Example:
        >>> import keras, nbkeras
        >>> kind = nbkeras.OnDevice
        >>> model = keras.models.load_model("two_devices.keras")  # doctest: +SKIP

    Args:
        layer: a layer or a model.
        device: TensorFlow's name of the device, such as ``"GPU:1"``.
        or_else: the device on machines that don't have it; by default that is refused.
        **kwargs: what all Keras layers take, such as ``name``.

    Raises:
        Refusal: for a device that is not there.
    """

    layer: Any

    def __init__(self, layer: Any, device: str, or_else: str | None = None, **kwargs: Any) -> None:
        name, place = usable(device, or_else)
        refuse_unsuited(layer)
        # The layer itself casts its inputs, or leaves them as they are.
        kwargs = {"dtype": layer.dtype_policy, **kwargs, "autocast": False}
        super().__init__(layer, **kwargs)  # type: ignore[call-arg]
        self.device, self._place = name, place
        self._is_in_call = False
        self._arguments = arguments.placed if line_of(layer) == "keras" else arguments.named
        # Keras 3 lets XLA compile training steps on machines with a GPU, and XLA computes on one device.
        self.supports_jit = False
        self.supports_masking = True
        # The masks are on what call returns, or there is none (tf_keras would take them off again).
        self._compute_output_and_mask_jointly = True
        self._weights_to_be: Any = None
        note(layer)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer on its device; variables that are made by it are made there."""
        # AutoGraph (tf_keras) reads what is called here, and warns of an import.
        tf = sys.modules["tensorflow"]
        refuse_strategy(tf.distribute)
        args, kwargs = self._arguments(self.layer.call, args, kwargs)
        is_new, before = not self.layer.built, self._is_in_call
        self._is_in_call = True
        try:
            with tf.device(self._place):
                outputs = super().__call__(*args, **kwargs)  # type: ignore[misc]
        finally:
            self._is_in_call = before
        if is_new:
            initialise_on(self._place, self.layer)
            if self._weights_to_be is not None:
                self.layer.set_weights(self._weights_to_be)
                self._weights_to_be = None
        return outputs

    def give_weights(self, weights: Any) -> None:
        """Set the layer's weights, now or as soon as it has them."""
        if self.layer.built:
            self.layer.set_weights(weights)
        else:
            self._weights_to_be = weights

    def build(self, input_shape: Any = None) -> None:
        """Make the layer's variables on its device, for inputs of a shape."""
        import tensorflow as tf

        # In a call the layer builds itself: it knows all of its inputs, and not the shape of one alone.
        if not self._is_in_call:
            with tf.device(self._place):
                super().build(input_shape)  # type: ignore[misc]
        self.built = True

    def build_from_config(self, config: Any) -> None:
        """Leave the building to the layer, which has a configuration of its own."""

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Compute the layer and, later, its gradients on the device."""
        # The layer finds out by itself what it is called for, and takes masks from its inputs.
        kwargs.pop("training", None)
        mask = kwargs.pop("mask", None)
        return computed_on(self._place, self.layer, ((inputs, *args), kwargs), mask)

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:  # noqa: ARG002 - Keras's signature
        """Return none: the masks are on what `call` returns."""
        return

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made of again, with the device that was asked for."""
        config = super().get_config()  # type: ignore[misc]
        return {**config, "layer": with_token(self.layer, config["layer"]), "device": self.device}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the layer again; on a machine without its device it computes elsewhere, which is said."""
        import tensorflow as tf

        wanted, found = checked(config["device"]), there()
        if wanted not in found:
            other = next((each for each in found if each.startswith(wanted[:3])), found[0])
            config = {**config, "or_else": other}
            warnings.warn(
                f"{config.get('name', 'OnDevice')}: this machine has no {wanted}: {other} takes its place",
                stacklevel=2,
            )
        with tf.device(config.get("or_else", wanted)):
            return super().from_config(dict(config), custom_objects=custom_objects)  # type: ignore[misc]


def on_device_class(line: Line | None = None) -> type[Any]:
    """Return `OnDevice` as a layer of one Keras line, the active one by default, known to its loading."""
    return _made(line or active_line())


@functools.lru_cache(maxsize=2)
def _made(line: Line) -> type[Any]:
    keras = keras_module(line)
    members = {"__doc__": OnDeviceMethods.__doc__, "__module__": "nbkeras"}
    made = type("OnDevice", (OnDeviceMethods, keras.layers.Wrapper), members)
    register: Any = keras.saving.register_keras_serializable(package="nbkeras")
    return register(made)  # type: ignore[no-any-return]
