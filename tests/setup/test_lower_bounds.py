"""nbkeras works with the oldest releases that pyproject.toml admits."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.setup.machine import empty_environment, pip_install
from tests.setup.project import ROOT, metadata

if TYPE_CHECKING:
    from pathlib import Path

BOUNDS = ROOT / "tests" / "setup" / "lower-bounds.txt"


def test_the_constraints_are_those_of_pyproject() -> None:
    expected = [requirement.replace(">=", "==", 1) for requirement in metadata()["dependencies"]]
    written = [line for line in BOUNDS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert written == expected


@pytest.mark.kernel
@pytest.mark.slow
def test_the_magics_load_and_runs_are_kept(tmp_path: Path) -> None:
    python = empty_environment(tmp_path / "oldest")
    pip_install(python, "--only-binary=:all:", "--requirement", BOUNDS, "pytest", "pytest-timeout", "psutil")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path), "NO_COLOR": "1"}

    cell = "%load_ext nbkeras\nimport nbkeras\nprint(len(nbkeras.runs.all()), 'runs')"
    command = [python, "-m", "IPython", "--quick", "--no-banner", "--colors=NoColor", "-c", cell]
    shell = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert shell.stdout.strip() == "0 runs", shell.stdout + shell.stderr

    # Old releases of others warn on a new Python; that is not what is asked here.
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default"]
    tests = [ROOT / "tests" / "runs", ROOT / "tests" / "runtime"]
    run = subprocess.run(
        [*command, *tests], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
