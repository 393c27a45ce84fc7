"""The benchmarks still run; what they measure is not asserted here, a test's machine is too busy for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.benchmarks.measurement import PARTS
from tests.benchmarks.peers import NAMES as PEERS
from tests.benchmarks.places import ROOT

IN_THE_BROWSER = ["opening"]
# The same as "peers", only slower.
TOO_SLOW = ["slow-peers"]
ON_WORKERS = ["cluster"]
ON_BOTH_LINES = ["transfer"]


def printed(*parts):
    """Run some parts as a person does, and return the rows that came out, cell by cell."""
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", *parts]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    # 1 says that a bar was missed.
    assert done.returncode in {0, 1}, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.costly
def test_what_a_kernel_does():
    rows = printed(
        *(part for part in PARTS if part not in IN_THE_BROWSER + TOO_SLOW + ON_WORKERS + ON_BOTH_LINES)
    )
    with_a_bar = [row[0] for row in rows if row[-1] in {"held", "MISSED"}]
    for begin in (
        "`%load_ext nbkeras`",
        "callback call between two ticks",
        "a tick:",
        "`fit` monitored / verbose=0",
        "`fit` monitored / verbose=1",
        "`fit` of ",
        "messages a second at 20 steps/s",
        "bytes a second at 2,000 steps/s",
        "memory of 5,000 steps",
        "its full keyframe",
        "epoch after the first, plain / cached",
    ):
        assert any(what.startswith(begin) for what in with_a_bar), begin
    said = {row[0]: row[1:] for row in rows if row[0] in PEERS}
    assert set(said) == set(PEERS)
    # The tests install no peers, `make bench` does.
    failed = [cells[0] for cells in said.values() if "does not run" in cells[0]]
    assert not [problem for problem in failed if "ModuleNotFoundError" not in problem]


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.costly
def test_what_workers_do():
    rows = {row[0]: row[1:] for row in printed(*ON_WORKERS)}
    for named, steps in (("1 worker", 20), ("2 workers", 5)):
        assert f"steps a second, small, {named}, 32 samples each" in rows
        assert rows[f"{steps} steps, small, {named}, monitored / without"][-1] in {"held", "MISSED"}
        assert rows[f"`%cluster start`, {named}"][-1] in {"held", "MISSED"}


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.costly
def test_what_fine_tuning_gains():
    rows = printed(*ON_BOTH_LINES)
    of = [row[0].removeprefix("digits 5-9 after 0-4, ") for row in rows if row[0].startswith("digits")]
    kinds = ["batch normalization, 5 pictures of each", "plain, 2 pictures of each"]
    assert of == [f"{kind}, {line}" for line in ("Keras 3", "tf_keras") for kind in kinds]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.costly
def test_what_a_page_does():
    rows = printed(*IN_THE_BROWSER)
    assert any(row[0] == "view of 5,000 steps, message to drawn chart" and row[-1] for row in rows)
