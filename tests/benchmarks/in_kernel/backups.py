"""Times whole trainings with and without exact backups, and single backups."""

from __future__ import annotations

import contextlib
import gc
import io
import shutil
import statistics
import time
from pathlib import Path

import keras
import numpy as np

import nbkeras
from nbkeras.callbacks.backup.store import Store
from tests.benchmarks.in_kernel import workload

_model = workload.small_model()
PLACE = Path("backups")


def timed(order: list[bool], steps: int, every: str | None = None) -> tuple[float, float]:
    """Train with and without backups, in this order; return the seconds without, and those with them.

    Args:
        order: for each training whether it makes backups.
        steps: of each training.
        every: when to back up; by default as nbkeras does.
    """
    times = {}
    for backed in order:
        gc.collect()
        callbacks = (
            [nbkeras.ExactBackup(PLACE, restart=True, **({} if every is None else {"every": every}))]
            if backed
            else None
        )
        began = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            workload.fit(_model, steps, callbacks=callbacks)
        times[backed] = time.perf_counter() - began
    return times[False], times[True]


def count() -> int:
    """Return how many backups the last training made."""
    return max(backup.number for backup in Store(PLACE).backups())


def one(repeats: int) -> tuple[float, float]:
    """Return the megabytes of one backup of a larger model, and the seconds that it takes."""
    model = keras.Sequential([keras.Input((1000,)), keras.layers.Dense(1000), keras.layers.Dense(1000)])
    model.compile("adam", "mse")
    x = np.ones((32, 1000), "float32")
    shutil.rmtree(PLACE, ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()):
        model.fit(x, x, verbose=0, callbacks=[nbkeras.ExactBackup(PLACE)])
    store = Store(PLACE)
    newest, state, _ = store.load() or (None, None, None)
    assert newest is not None
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        store.save(newest.about, state)
        times.append(time.perf_counter() - began)
    return newest.size / 1e6, statistics.median(times)
