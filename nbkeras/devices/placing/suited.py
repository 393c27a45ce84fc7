"""Whether a layer can have a device of its own here."""

from __future__ import annotations

from typing import Any

from nbkeras.devices.tensorflow_build import tensorflow
from nbkeras.runtime.keras_lines import keras_module, line_of
from nbkeras.runtime.refusal import Refusal


def refuse_unsuited(layer: Any) -> None:
    """Refuse what is no layer on TensorFlow, and any strategy.

    Raises:
        Refusal: one line, with what to do instead.
    """
    line = line_of(layer)
    keras = None if line is None else keras_module(line)
    if keras is None or not isinstance(layer, keras.layers.Layer):
        raise Refusal(
            f"expected a layer or a model, received {type(layer).__name__}: type  "
            'nbkeras.on_device(keras.layers.Dense(8), "GPU:1")'
        )
    if keras.backend.backend() != "tensorflow":
        raise Refusal(
            f"expected Keras on TensorFlow, received {keras.backend.backend()}, which places by its own "
            'means: put  os.environ["KERAS_BACKEND"] = "tensorflow"  into the first cell, or use '
            "keras.distribution"
        )
    refuse_strategy(tensorflow().distribute)


def refuse_strategy(distribute: Any) -> None:
    """Refuse any strategy.

    Args:
        distribute: the module ``tf.distribute``.

    Raises:
        Refusal: where one is set.
    """
    if distribute.has_strategy():
        raise Refusal(
            f"expected no strategy, received {type(distribute.get_strategy()).__name__}, which puts "
            "variables on devices by itself: type  %strategy none"
        )
