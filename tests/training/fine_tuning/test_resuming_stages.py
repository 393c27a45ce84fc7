"""A fine-tuning that is killed in the midst of a stage goes on bit for bit, as one run."""

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
@pytest.mark.parametrize(
    # Two epochs of three steps are the first stage.
    ("kill", "folders", "kept"),
    [(8, ("parts", "whole"), False), (4, ("kept parts", "kept whole"), True)],
    ids=["second stage", "head on kept outputs"],
)
def test_killed_in_a_stage_it_ends_as_if_it_had_not_been(tmp_path, legacy, kill, folders, kept):
    killed = work(tmp_path, legacy, kill, folders[0])
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-3000:]
    done = work(tmp_path, legacy, 0, *folders)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.removeprefix("TOLD ") for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    received, whole = map(json.loads, lines)
    resumed = [event for event in received["events"] if "resumed" in event[1]]
    assert [event[0] for event in resumed] in ([kill - 1], [kill])
    received["events"].remove(resumed[0])
    assert received == whole
    assert received["kept"] is kept
    assert received["undone"]
    assert received["runs"] == 1
    assert received["epochs"] == [*range(1, len(received["history"]["loss"]) + 1)]
    assert [event[0] for event in received["events"]][:2] == [0, 6]
