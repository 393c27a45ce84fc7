"""A run of many steps, each one a tick: ``python -m tests.benchmarks.in_kernel.long_run STEPS FOLDER``."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import psutil

from nbkeras import runs
from nbkeras.callbacks.plan import Plan
from nbkeras.callbacks.recorder import TICK, Recorder
from nbkeras.widgets.protocol import Controls, keyframe

STEPS_PER_EPOCH = 1000
WARM_UP = 2000
NAME = "long run"


class Clock:
    """Seconds that pass only when told."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def train(steps: int) -> dict[str, float]:
    """Record a run of so many steps with 4 metrics by step and 8 by epoch; return what it cost."""
    clock = Clock()
    plan = Plan(name=NAME, epochs=steps // STEPS_PER_EPOCH, batch_size=32, view=False)
    recorder = Recorder(plan, stop=lambda: None, steps=STEPS_PER_EPOCH, clock=clock)
    process = psutil.Process()
    before = highest = 0
    began = time.perf_counter()
    for number in range(1, steps + 1):
        epoch, step = divmod(number - 1, STEPS_PER_EPOCH)
        if step == 0:
            recorder.epoch_begin(epoch + 1)
        clock.now += 1.01 * TICK
        logs = _logs(number)
        recorder.step_end(step + 1, logs)
        if step == STEPS_PER_EPOCH - 1:
            recorder.epoch_end(epoch + 1, {**logs, **{f"val_{name}": value for name, value in logs.items()}})
        if number == WARM_UP:
            before = process.memory_info().rss
        if number % STEPS_PER_EPOCH == 0:
            highest = max(highest, process.memory_info().rss)
    seconds = time.perf_counter() - began
    recorder.end("finished")
    times = []
    for _ in range(5):
        began = time.perf_counter()
        message = keyframe(recorder.run, 1, Controls())
        times.append(time.perf_counter() - began)
    return {
        "seconds": seconds,
        "growth": highest - before,
        "keyframe_size": message.size,
        "keyframe_seconds": sorted(times)[2],
        "logged": len(recorder.run.steps("loss")),
    }


def _logs(number: int) -> dict[str, float]:
    noise = math.sin(number * 12.9898)
    loss = math.exp(-number / 300_000) + 0.05 * noise
    return {"loss": loss, "accuracy": 1 - loss / 2, "precision": 1 - loss / 3, "recall": 1 - loss / 4}


def main() -> None:
    """Record into a log in a folder, and print the costs as JSON."""
    runs.set_log(Path(sys.argv[2]) / "runs.sqlite")
    print(json.dumps(train(int(sys.argv[1]))))  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
