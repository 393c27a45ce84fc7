"""A fine-tuning that is killed in the midst of its second stage goes on bit for bit, as one run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name("worker.py")
ROOT = Path(__file__).parents[3]


def trained(folder, legacy, kill=0):
    """Run the worker in a process of its own; return what it told, None where it was killed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NBKERAS_DIR": str(folder.parent)}
    command = [sys.executable, str(WORKER), str(folder), legacy, str(kill)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=folder.parent
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert bool(told) is not bool(kill), done.stderr[-3000:]
    return json.loads(told[0].removeprefix("TOLD ")) if told else None


@pytest.mark.slow
@pytest.mark.parametrize("legacy", ["0", pytest.param("1", marks=pytest.mark.costly)])
def test_killed_in_the_second_stage_it_ends_as_if_it_had_not_been(tmp_path, legacy):
    whole = trained(tmp_path / "whole", legacy)
    # Two epochs of three steps are the first stage.
    trained(tmp_path / "parts", legacy, kill=8)
    received = trained(tmp_path / "parts", legacy)
    resumed = [event for event in received["events"] if "resumed" in event[1]]
    assert resumed in ([[7, "resumed from a backup"]], [[8, "resumed from a backup"]])
    received["events"].remove(resumed[0])
    assert received == whole
    assert received["undone"]
    assert received["runs"] == 1
    assert len(received["epochs"]) == len(received["history"]["loss"])
    assert [event[0] for event in received["events"]][:2] == [0, 6]
