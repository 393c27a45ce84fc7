"""When the view is built, and with which Node.js."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scripts import build_view

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small extension whose view is built."""
    folder = tmp_path / "extension"
    outputs = (tmp_path / "static", tmp_path / "labextension")
    for path in (folder / "src" / "index.ts", *(output / "index.js" for output in outputs)):
        path.parent.mkdir(parents=True)
        path.write_text("1")
    monkeypatch.setattr(build_view, "EXTENSION", folder)
    monkeypatch.setattr(build_view, "NOTE", folder / ".built-from")
    monkeypatch.setattr(build_view, "OUTPUTS", outputs)
    build_view.NOTE.write_text(build_view.digest_of_sources())
    return folder


def test_nothing_is_built_while_the_sources_are_the_same(extension: Path) -> None:
    (extension / "src" / "index.ts").touch()
    (extension / "node_modules").mkdir()
    (extension / "node_modules" / "other.js").write_text("2")
    assert build_view.is_built()


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_a_changed_source_makes_the_view_stale(extension: Path, change: str) -> None:
    source = extension / "src" / "index.ts"
    if change == "edit":
        source.write_text("2")
    elif change == "add":
        (extension / "src" / "new.ts").write_text("1")
    else:
        source.unlink()
    assert not build_view.is_built()


def test_a_missing_output_makes_the_view_stale(extension: Path) -> None:
    (extension.parent / "static" / "index.js").unlink()
    assert not build_view.is_built()


@pytest.fixture
def no_node_from_pypi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)


def put_on_path(folder: Path, version: str) -> None:
    for name, line in {"node": f"echo {version}", "npm": "exit 3"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)


@pytest.mark.usefixtures("no_node_from_pypi")
@pytest.mark.parametrize(
    ("version", "fits"),
    [("v12.22.0", False), ("v20.18.3", False), ("v20.19.0", True), ("v21.7.0", False), ("v24.1.0", True)],
)
def test_an_old_node_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, *, fits: bool
) -> None:
    put_on_path(tmp_path, version)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert (build_view.find_npm() is not None) == fits


@pytest.mark.usefixtures("no_node_from_pypi")
def test_a_machine_without_node_gets_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(build_view.ViewError, match=r"needs Node.js 20.19 or newer.*pip install"):
        build_view.npm("run", "build")


@pytest.mark.usefixtures("no_node_from_pypi")
def test_a_failing_build_names_the_command(
    extension: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(tmp_path, "v24.0.0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert extension.exists()
    with pytest.raises(build_view.ViewError, match=r"`npm run build` in extension/ ended with status 3"):
        build_view.npm("run", "build")


def test_the_script_reports_in_one_line(tmp_path: Path) -> None:
    script = build_view.ROOT / "scripts" / "build_view.py"
    command = [sys.executable, "-S", script, "test"]
    run = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith("nbkeras: the view needs Node.js")
