"""A training that was killed ends as if it had not been: the same weights, optimizer, history and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.resuming.cases import CASES

ROOT = Path(__file__).parents[2]
GRID = os.environ.get("GRID") == "pairwise"
EVERY = ("epoch", 3, "0.05s")
# In each case a kill is followed by others, some of them in the midst of a backup.
SAMPLE = {
    "keras": [("callbacks", "epoch"), ("everything", 3), ("logged", 3)],
    "tf_keras": [("everything", 2), ("stateful", "epoch")],
}


def orders(line):
    if GRID:
        return [(name, every) for name in CASES for every in EVERY]
    return SAMPLE[line]


@pytest.mark.costly("tf_keras")
@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(1800 if GRID else 300)
@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_killed_trainings_end_like_others(line, tmp_path):
    asked = [
        {"name": name, "every": every, "kills": 2, "seed": number, "place": str(tmp_path / str(number))}
        for number, (name, every) in enumerate(orders(line))
    ]
    legacy = {"TF_USE_LEGACY_KERAS": "1"} if line == "tf_keras" else {}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.training.resuming.worker", line],
        input="".join(json.dumps(each) + "\n" for each in asked),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **legacy},
    )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(answers) == len(asked), done.stderr[-3000:]
    different = [
        (order["name"], order["every"])
        for order, answer in zip(asked, answers, strict=True)
        if answer["received"] != answer["expected"]
    ]
    assert different == []
    assert sum(answer["kills"] for answer in answers) == 2 * len(asked)
    # Most went on from a backup, and did not begin anew.
    assert sum(answer["resumed"] for answer in answers) > len(asked)
