"""Calls of a user's own layers and models, traced as Keras itself traces them."""

from __future__ import annotations

from typing import Any


def converting_subclasses() -> Any:
    """Return a context in which tf_keras turns an ``if`` on tensors in a user's ``call`` into operations.

    It does so where the function around it is converted by autograph, as that of ``fit`` is, which those of
    nbkeras are not to be (tf_keras 2.21). Keras 3 (3.15) converts no call.
    """
    import tensorflow as tf

    # The one way to the class and its values that has no name of an inner module of TensorFlow.
    status = tf.__internal__.autograph.control_status_ctx()
    return type(status)(status=type(status.status).ENABLED)
