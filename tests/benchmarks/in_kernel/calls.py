"""Times single calls of the callback."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from nbkeras.callbacks.monitor import monitor_class
from nbkeras.widgets import live
from tests.benchmarks.in_kernel.workload import small_model

if TYPE_CHECKING:
    from collections.abc import Callable

LOGS = {"loss": 0.5, "accuracy": 0.9, "precision": 0.8, "recall": 0.7}
CALLS = 10_000
NEVER = float("inf")


def begun() -> Any:
    """Return a monitor in mid run, as `fit` would have it after ten epochs."""
    live.install()
    monitor = monitor_class()()
    callbacks = _callbacks([monitor])
    for epoch in range(10):
        callbacks.on_epoch_begin(epoch)
        for batch in range(400):
            monitor._recorder._due = NEVER if batch % 8 else 0.0
            callbacks.on_train_batch_end(batch, LOGS)
        callbacks.on_epoch_end(epoch, {**LOGS, **{f"val_{name}": value for name, value in LOGS.items()}})
    return monitor


def off_the_tick(repeats: int) -> list[float]:
    """Return seconds for a call between two ticks, each the mean of many calls."""
    monitor = begun()
    monitor._recorder._due = NEVER
    call = monitor.on_train_batch_end

    def often() -> None:
        for batch in range(CALLS):
            call(batch, LOGS)

    times = [_seconds(often) / CALLS for _ in range(repeats)]
    monitor.on_train_end()
    return times


def on_the_tick(count: int, *, sketch: bool) -> list[float]:
    """Return seconds for single ticks, a step and 4 metrics in each.

    Args:
        count: how many.
        sketch: whether each sends a sketch of the run, too, as every twentieth does.
    """
    monitor = begun()
    view = next(each for each in monitor.run._observers if isinstance(each, live.LiveMonitor))
    times = []
    for batch in range(count):
        view._sketch_due = 0.0 if sketch else NEVER
        monitor._recorder._due = 0.0
        # Between two ticks, a kernel trains; what it has sent leaves the process meanwhile.
        time.sleep(0.01)
        times.append(_seconds(lambda batch=batch: monitor.on_train_batch_end(batch, LOGS)))
    monitor.on_train_end()
    return times


def dispatched(repeats: int, *, monitored: bool) -> list[float]:
    """Return seconds for all that Keras does at a batch's begin and end, with tensors as logs.

    Args:
        repeats: how many times.
        monitored: with a monitor between two ticks, else with Keras's own History alone.
    """
    monitor = monitor_class()()
    callbacks = _callbacks([monitor] if monitored else None)
    callbacks.on_epoch_begin(0)
    if monitored:
        monitor._recorder._due = NEVER
    tensors = {name: tf.constant(value) for name, value in LOGS.items()}

    def often() -> None:
        for batch in range(CALLS // 10):
            callbacks.on_train_batch_begin(batch)
            callbacks.on_train_batch_end(batch, tensors)

    times = [_seconds(often) / (CALLS // 10) for _ in range(repeats)]
    callbacks.on_train_end()
    return times


def _callbacks(own: list[Any] | None) -> Any:
    # As `fit` makes it.
    callbacks = keras.callbacks.CallbackList(own, add_history=True, model=small_model(), epochs=20, steps=400)
    callbacks.on_train_begin()
    return callbacks


def _seconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
