"""Variables that Keras 3 makes later than their layer."""

from __future__ import annotations

import sys
from typing import Any


def initialise_on(device: str, layer: Any) -> None:
    """Let a layer's variables come to be on a device, where Keras makes them at the end of the whole model.

    Keras 3 (3.15) builds layers in a model that is called symbolically without their values, and makes all
    values when it has come out of the model, where no device is set any more. A variable that waits is told
    here where it belongs.

    Args:
        device: TensorFlow's name of it.
        layer: a layer of either Keras line.
    """
    tf = sys.modules["tensorflow"]
    for variable in layer.variables:
        if getattr(variable, "_initializer", None) is None or "_deferred_initialize" in vars(variable):
            continue

        def initialise(variable: Any = variable) -> None:
            del variable._deferred_initialize  # noqa: SLF001 - the only place where it can be told
            with tf.device(device):
                variable._deferred_initialize()  # noqa: SLF001 - as above

        variable._deferred_initialize = initialise  # noqa: SLF001 - as above
