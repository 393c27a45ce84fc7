"""``%%fit --seed N --backup DIR``: the cell run again after SIGKILL, in its fit and behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GRID = os.environ.get("GRID") == "pairwise"


@pytest.mark.costly
@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("line", ["keras", "tf_keras"] if GRID else ["keras"])
def test_a_cell_that_was_killed_wherever_it_was(line, tmp_path):
    legacy = {"TF_USE_LEGACY_KERAS": "1"} if line == "tf_keras" else {}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.training.resuming.cells", line, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **legacy},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = json.loads(done.stdout.splitlines()[-1])
    [whole] = answers["whole"]
    assert answers["killed in the fit"] is None
    assert answers["killed after it"] is None
    # Killed in its second epoch, it went on; killed when the fit had ended, it gives what that came to.
    failed, passed, refused, reused, anew = answers["again"]
    assert failed == {"error": "division by zero"}
    for each in (passed, reused, anew):
        assert {name: each[name] for name in ("weights", "history", "curve", "epochs")} == {
            name: whole[name] for name in ("weights", "history", "curve", "epochs")
        }
    said = "\n".join(passed["notes"])
    assert "finished after 3 epochs, but its cell is not: gives what it came to, from backup-" in said
    # The cell has come to its end since then.
    assert "finished after 3 epochs" in refused["error"]
    assert "take what it came to with  --reuse" in refused["error"]
    assert "finished after 3 epochs: gives what it came to" in "\n".join(reused["notes"])
    assert passed["run"] == reused["run"] != anew["run"]
