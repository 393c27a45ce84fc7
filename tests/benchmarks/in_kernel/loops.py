"""A hand-written loop at a given step rate, with four metrics by step and their ``val_`` by epoch."""

from __future__ import annotations

import math
import time

import nbkeras

EPOCH_SECONDS = 5


def loop(rate: float, seconds: float) -> float:
    """Go through steps that are spread evenly in time.

    Args:
        rate: steps a second.
        seconds: how long.

    Returns:
        The rate that was reached, in steps a second.
    """
    steps = max(1, round(rate * min(EPOCH_SECONDS, seconds)))
    epochs = max(1, round(seconds / EPOCH_SECONDS))
    began = time.perf_counter()
    done = 0
    for epoch in nbkeras.track(range(steps), epochs=epochs, name=f"{rate} steps a second"):
        for _ in epoch:
            done += 1
            time.sleep(max(0.0, began + done / rate - time.perf_counter()))
            loss = math.exp(-done / (rate * seconds))
            epoch.log(loss=loss, accuracy=1 - loss, precision=1 - loss**2, recall=1 - loss**3)
        epoch.log(val_loss=loss, val_accuracy=1 - loss, val_precision=loss, val_recall=loss)
    return done / (time.perf_counter() - began)
