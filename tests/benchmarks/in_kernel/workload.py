"""The small model that all benchmarks train."""

from __future__ import annotations

import functools
import time
from typing import Any

import keras
import numpy as np

EPOCHS, BATCH = 5, 32


@functools.lru_cache(maxsize=1)
def data(steps: int) -> tuple[Any, Any]:
    """Return inputs of shape (steps * 32, 16) and labels of 10 classes."""
    chance = np.random.default_rng(1)
    x = chance.normal(size=(steps * BATCH, 16)).astype("float32")
    return x, (np.abs(x).sum(axis=1) * 3).astype("int32") % 10


def small_model() -> Any:
    """Return a compiled model with a loss and one metric."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(32, "relu"), keras.layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


class Slowdown(keras.callbacks.Callback):
    """Holds a training back, so that it takes a given time."""

    def __init__(self, seconds: float, steps: int) -> None:
        super().__init__()
        self._per_step = seconds / (EPOCHS * steps)
        self._due: float | None = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Wait until the step is due."""
        if self._due is None:
            self._due = time.perf_counter()
        self._due += self._per_step
        time.sleep(max(0.0, self._due - time.perf_counter()))


def fit(
    model: Any, steps: int, seconds: float = 0, *, verbose: int = 0, callbacks: list[Any] | None = None
) -> None:
    """Train the model for 5 epochs.

    Args:
        model: what `small_model` returned.
        steps: of each epoch.
        seconds: how long it shall take, 0 for as fast as it can.
        verbose: Keras's own progress bar.
        callbacks: what else is told; None as a user would leave it.
    """
    x, y = data(steps)
    if seconds:
        callbacks = [Slowdown(seconds, steps), *(callbacks or [])]
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=verbose, callbacks=callbacks)
