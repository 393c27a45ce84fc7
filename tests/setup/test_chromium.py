"""Which Chromium the browser tests take."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pytest

from scripts import chromium

if TYPE_CHECKING:
    from pathlib import Path


def program(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with no browser, no root and no network: its folder of programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(chromium.sys, "executable", str(program(tmp_path / "python", "exit 1")))
    return folder


def test_a_browser_that_does_not_start_is_passed_over(machine: Path) -> None:
    program(machine / "chromium", "exit 127")
    assert chromium.find() is None
    works = program(machine / "google-chrome", "echo Google Chrome 1.0")
    assert chromium.find() == str(works)


def test_a_download_that_does_not_start_is_none(machine: Path, tmp_path: Path) -> None:
    browser = program(tmp_path / "chrome", "exit 127")
    program(tmp_path / "python", f"echo {browser}")
    assert chromium.find() is None
    program(browser, "exit 0")
    assert chromium.find() == str(browser)


def test_where_none_can_be_had_one_line_says_what_to_type() -> None:
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(chromium.__file__, run_name="__main__")
    said = str(ended.value)
    assert said.count("\n") == 0
    assert "apt install chromium" in said
