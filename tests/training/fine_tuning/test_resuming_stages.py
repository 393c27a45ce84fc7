"""A fine-tuning that is killed in the midst of its second stage goes on bit for bit, as one run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("worker.py")
ROOT = Path(__file__).parents[3]


def work(folder, legacy, kill, *names):
    """Run the worker in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_USE_LEGACY_KERAS": legacy}
    command = [sys.executable, str(WORKER), str(kill), *names]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)


@pytest.mark.slow
@pytest.mark.costly
@pytest.mark.parametrize("legacy", ["0", "1"])
def test_killed_in_the_second_stage_it_ends_as_if_it_had_not_been(tmp_path, legacy):
    # Two epochs of three steps are the first stage.
    killed = work(tmp_path, legacy, 8, "parts")
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-3000:]
    done = work(tmp_path, legacy, 0, "parts", "whole")
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.removeprefix("TOLD ") for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    received, whole = map(json.loads, lines)
    resumed = [event for event in received["events"] if "resumed" in event[1]]
    assert [event[0] for event in resumed] in ([7], [8])
    received["events"].remove(resumed[0])
    assert received == whole
    assert received["undone"]
    assert received["runs"] == 1
    assert received["epochs"] == [*range(1, len(received["history"]["loss"]) + 1)]
    assert [event[0] for event in received["events"]][:2] == [0, 6]
