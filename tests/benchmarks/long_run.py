"""A million steps: the memory of the process that trains, and the picture that it sends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.benchmarks.places import ROOT
from tests.benchmarks.rows import Row, at_most, number, told

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.effort import Effort

MEMORY_MB = 150
KEYFRAME_KB = 100
LOG = "runs.sqlite"


def rows(effort: Effort, folder: Path) -> list[Row]:
    """Record a run whose every step is a tick, and leave its log in a folder."""
    command = [sys.executable, "-m", "tests.benchmarks.in_kernel.long_run", str(effort.steps), str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True
    )
    cost = json.loads(done.stdout)
    steps = f"{effort.steps:,} steps"
    size = (folder / LOG).stat().st_size
    return [
        at_most(f"memory of {steps}, 4 metrics", cost["growth"] / 1e6, MEMORY_MB, "MB"),
        at_most("its full keyframe", cost["keyframe_size"] / 1e3, KEYFRAME_KB, "KB"),
        told("making that keyframe", 1e3 * cost["keyframe_seconds"], "ms"),
        told("each step a tick with log, no view", 1e6 * cost["seconds"] / effort.steps, "µs"),
        Row("steps in the log", f"{cost['logged']:,} of 4 metrics in {number(size / 1e6)} MB"),
    ]
