"""Times single calls of the callback."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

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
    monitor.set_model(small_model())
    monitor.set_params({"epochs": 20, "steps": 400})
    monitor.on_train_begin()
    for epoch in range(10):
        monitor.on_epoch_begin(epoch)
        for batch in range(400):
            monitor._recorder._due = NEVER if batch % 8 else 0.0
            monitor.on_train_batch_end(batch, LOGS)
        monitor.on_epoch_end(epoch, {**LOGS, **{f"val_{name}": value for name, value in LOGS.items()}})
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
    """Return seconds for Keras's own handling of a batch's end, with tensors as logs.

    Args:
        repeats: how many times.
        monitored: with a monitor between two ticks, else with Keras's own History alone.
    """
    import keras
    import tensorflow as tf

    monitor = begun()
    monitor._recorder._due = NEVER
    callbacks = keras.callbacks.CallbackList([monitor] if monitored else None, add_history=True)
    callbacks._on_begin()
    tensors = {name: tf.constant(value) for name, value in LOGS.items()}

    def often() -> None:
        for batch in range(CALLS // 10):
            callbacks.on_train_batch_end(batch, tensors)

    times = [_seconds(often) / (CALLS // 10) for _ in range(repeats)]
    callbacks._flush_futures()
    callbacks._on_end()
    monitor.on_train_end()
    return times


def _seconds(call: Callable[[], None]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
