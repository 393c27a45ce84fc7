"""In CI nothing that needs a browser or other processes may be skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.setup.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SKIPPING = {
    "browser/test_a.py": "import pytest\ndef test_it(): pytest.skip('no browser here')\n",
    "kernel/test_b.py": "import pytest\npytest.importorskip('surely_not_installed')\n",
    "runs/test_c.py": "import pytest\n@pytest.mark.kernel\n@pytest.mark.skip('no')\ndef test_it(): pass\n",
    "runs/test_d.py": "import pytest\n@pytest.mark.skip('needs nothing special')\ndef test_it(): pass\n",
}


@pytest.mark.parametrize(("in_ci", "refused"), [("true", ["test_a.py", "test_b.py", "test_c.py"]), ("", [])])
def test_skipping_fails_in_ci_alone(tmp_path: Path, in_ci: str, refused: list[str]) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, source in SKIPPING.items():
        test = tmp_path / "tests" / name
        test.parent.mkdir(parents=True, exist_ok=True)
        test.write_text(source)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    environment = os.environ | {"CI": in_ci, "PYTHONPATH": str(ROOT)}
    options = ["-p", "no:cacheprovider", "--continue-on-collection-errors", "-rfE"]
    command = [sys.executable, "-m", "pytest", *options]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert bool(run.returncode) == bool(refused), run.stdout
    summary = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR "))]
    assert sorted(line.partition("::")[0].partition(" - ")[0][-9:] for line in summary) == refused
    assert all("may not be skipped in CI" in line for line in summary)


def test_ci_runs_make_test_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == ["exec make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
