from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbkeras import runs
from nbkeras.runs import registry
from nbkeras.runs.log import place, writer


@pytest.fixture(autouse=True)
def _own_process_state(tmp_path, monkeypatch):
    """Give each test a registry, a log place and writers of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_runs", {})
    monkeypatch.setattr(writer, "_writers", {})
    monkeypatch.setattr(place, "_settled", False)
    monkeypatch.setattr(place, "_chosen", None)
    monkeypatch.setattr(runs, "openers", runs.openers)
    before = list(runs.openers)
    runs.openers.clear()
    yield
    runs.openers[:] = before
    for each in writer._writers.values():
        each.close()


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "logs" / "runs.sqlite"
    runs.set_log(path)
    return path


@pytest.fixture
def train():
    """Make a run of some epochs, with a step series and a validation metric."""

    def make(name="run", epochs=2, steps=10, *, finish=True, **parameters):
        run = runs.begin("fit", name, parameters, {"keras": "3"})
        for epoch in range(1, epochs + 1):
            for _ in range(steps):
                run.progress.done += 1
                run.record_step(run.progress.done, {"loss": 1 / run.progress.done})
            run.record_epoch(epoch, {"loss": 1 / epoch, "val_loss": 2 / epoch})
        run.tick()
        if finish:
            run.finish("finished")
        return run

    return make


@pytest.fixture
def forget():
    """Make this process forget its runs, as another kernel would see the log."""

    def forget_runs(path):
        assert writer.flush(path)
        registry._runs.clear()

    return forget_runs


@pytest.fixture
def kernel():
    """Start other processes that can import nbkeras; none outlives the test."""
    root = Path(runs.__file__).parents[2]
    started = []

    def start(code, *arguments, **options):
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
