"""The Python and the environment that make chooses."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.setup.project import ROOT

REMAKE = """
import pathlib, subprocess, environment
environment.VENV = pathlib.Path(sys.argv[1])
run = subprocess.run
# Without pip, which takes seconds.
subprocess.run = lambda command, **more: run([*command, "--without-pip"], **more)
environment._make_venv()
"""
FIND = ROOT / "scripts" / "find-python"


def find_python(*wanted: str, path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", FIND, *wanted],
        cwd=folder,
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_python_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    assert find_python(sys.executable, path=tmp_path, folder=tmp_path).stdout.strip() == sys.executable


def test_an_unfit_python_is_refused_in_one_line(tmp_path: Path) -> None:
    run = find_python("python2", path=tmp_path, folder=tmp_path)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "PYTHON=python2 is no Python 3.10 to 3.13" in run.stderr


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    run = find_python(path=tmp_path, folder=tmp_path)
    assert run.returncode == 1
    assert "apt install python3 python3-venv" in run.stderr


def test_a_fit_python_is_found_beside_an_unfit_one(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    (tmp_path / "python3.12").symlink_to(sys.executable)
    assert find_python(path=tmp_path, folder=tmp_path).stdout.strip() == "python3.12"


def test_debian_without_venv_is_told_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    environment = importlib.import_module("environment")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    with pytest.raises(SystemExit, match=f"apt install python{version}-venv"):
        environment._make_venv()


def test_an_environment_whose_making_was_interrupted_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    environment = importlib.import_module("environment")
    venv = tmp_path / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    monkeypatch.setattr(environment, "VENV", venv)
    monkeypatch.setattr(environment, "PYTHON", venv / "bin" / "python")
    assert not environment._is_this_python()
    # make finds it first, so that its own Python makes the new one.
    code = f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n{REMAKE}"
    command = [venv / "bin" / "python", "-c", code, venv]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert (venv / "bin" / "python").exists()


@pytest.mark.skipif(Path(sys.prefix) != ROOT / ".venv", reason="these tests do not run in .venv")
def test_a_second_call_has_nothing_to_do() -> None:
    script = ROOT / "scripts" / "environment.py"
    command = [sys.executable, script, "cpu", "lab", "legacy", "test"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("==> The environment is up to date")
    assert run.stdout.count("\n") == 1
