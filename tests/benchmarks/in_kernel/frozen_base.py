"""Times epochs of a new head on a frozen base the size of MobileNetV2, with its outputs kept and without."""

from __future__ import annotations

import time

import numpy as np
from tensorflow import keras

import nbkeras

_SIZE = 96
_EPOCHS = 3


class _Clock(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._began)


def timed(samples: int) -> tuple[list[float], list[float], float, float]:
    """Return seconds of each epoch, plain and cached; seconds to compute outputs; how far losses differ."""
    random = np.random.default_rng(0)
    x = random.random((samples, _SIZE, _SIZE, 3), "float32")
    y = random.integers(0, 5, samples)
    plain, seconds = _Clock(), _Clock()
    options = {"epochs": _EPOCHS, "batch_size": 32, "verbose": 0}
    model = _made(x)
    keras.utils.set_random_seed(2)
    losses = model.fit(x, y, callbacks=[plain], **options).history["loss"]
    model = _made(x)
    began = time.perf_counter()
    cached = nbkeras.cache_features(model, "base", x)
    computing = time.perf_counter() - began
    keras.utils.set_random_seed(2)
    ours = cached.head.fit(cached.features, y, callbacks=[seconds], **options).history["loss"]
    apart = max(abs(a - b) for a, b in zip(losses, ours, strict=True))
    return plain.seconds, seconds.seconds, computing, apart


def staged(samples: int) -> tuple[list[float], list[float], float]:
    """Return seconds of each epoch of `nbkeras.fine_tune`'s head, plain and cached; how far losses differ."""
    random = np.random.default_rng(0)
    x = random.random((samples, _SIZE, _SIZE, 3), "float32")
    y = random.integers(0, 5, samples)
    seconds, losses = [], []
    for cache in (False, True):
        model, clock = _made(x), _Clock()
        keras.utils.set_random_seed(2)
        options = {"stages": [nbkeras.Stage("head", epochs=_EPOCHS)], "callbacks": [clock], "quiet": True}
        losses.append(nbkeras.fine_tune(model, x, y, cache=cache, **options).history["loss"])
        seconds.append(clock.seconds)
    return *seconds, max(abs(a - b) for a, b in zip(*losses, strict=True))


def _made(x: np.ndarray) -> keras.Model:
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    base = keras.applications.MobileNetV2((_SIZE, _SIZE, 3), include_top=False, weights=None, name="base")
    # With the statistics that new layers have, the outputs of random weights are 1e-12, and any head learns
    # the same. Those of one batch make them what a trained base's are like.
    for layer in base.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    base(x[:32], training=True)
    base.trainable = False
    inputs = keras.Input((_SIZE, _SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(base(inputs))
    model = keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model
