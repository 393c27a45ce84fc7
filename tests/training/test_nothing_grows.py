"""Many trainings in one process hold a bounded number of runs, threads and open files."""

from __future__ import annotations

import gc
import threading

import numpy as np
import psutil

import nbkeras
from nbkeras.runs import registry
from nbkeras.runs.run import Run
from nbkeras.training import session


def test_many_fits(keras, monkeypatch):
    # The real numbers of runs that are held would make this a long test.
    monkeypatch.setattr(registry, "HELD", 10)
    monkeypatch.setattr(session, "RUNS_HELD", 10)
    # Runs of other tests, whose log is gone, are held for ever.
    registry.drop([run.id for run in registry.live_runs()])
    x = np.ones((4, 1), "float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    process = psutil.Process()
    with nbkeras.fitting(quiet=True) as held:
        model.fit(x, x)
        threads, files, gone = threading.active_count(), process.num_fds(), runs_in_memory()
        for _ in range(25):
            model.fit(x, x)
        assert len(held.runs) == 10
    # One more: the run under way is not counted among those that have ended.
    assert len(registry.live_runs()) <= 11
    assert runs_in_memory() <= gone + 21
    assert threading.active_count() <= threads + 1
    assert process.num_fds() <= files + 2
    # The log has them all.
    assert len(nbkeras.runs.all()) >= 26


def runs_in_memory():
    gc.collect()
    return sum(isinstance(each, Run) for each in gc.get_objects())
