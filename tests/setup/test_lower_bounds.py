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
CELL = "%load_ext nbkeras\nimport nbkeras\nprint(len(nbkeras.runs.all()), 'runs')"
SHELL = f"""
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance(colors="NoColor").run_cell({CELL!r}).raise_error()
"""


def test_the_constraints_are_those_of_pyproject() -> None:
    expected = [requirement.replace(">=", "==", 1) for requirement in metadata()["dependencies"]]
    written = [line for line in BOUNDS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert written == expected


@pytest.mark.kernel
@pytest.mark.slow
def test_the_magics_load_and_runs_are_kept(tmp_path: Path) -> None:
    python = empty_environment(tmp_path / "oldest")
    pip_install(python, "--only-binary=:all:", "--requirement", BOUNDS, "pytest", "pytest-timeout", "psutil")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path)}

    def python_says(*arguments: str | Path, folder: Path) -> str:
        run = subprocess.run(
            [python, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    assert python_says("-c", SHELL, folder=tmp_path).splitlines()[-1] == "0 runs"
    # Old releases of others warn on a new Python; that is not what is asked here.
    options = ["-q", "-p", "no:cacheprovider", "-o", "filterwarnings=default"]
    rooms = [ROOT / "tests" / "runs", ROOT / "tests" / "runtime"]
    python_says("-m", "pytest", *options, *rooms, folder=ROOT)
