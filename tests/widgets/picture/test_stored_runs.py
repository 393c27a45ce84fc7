"""The views of runs that another process has left in the log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nbkeras import runs
from nbkeras.runs.log import reader
from nbkeras.widgets.compare import comparison_bundle
from nbkeras.widgets.picture.groups import chart_of, groups_of
from nbkeras.widgets.run_line import run_line
from nbkeras.widgets.runs_table import runs_table_bundle
from nbkeras.widgets.static_html import static_bundle
from tests.widgets.picture.page import Page

if TYPE_CHECKING:
    from nbkeras.runs.log.stored import StoredRun

OTHER_KERNEL = """
import os, pathlib, signal, sys
from nbkeras import runs
from nbkeras.runs.log import writer
path = pathlib.Path(sys.argv[1])
runs.set_log(path)
whole = runs.begin("fit", "whole", {"units": 8}, {})
for epoch in (1, 2, 3):
    whole.record_epoch(epoch, {"loss": 1 / epoch, "val_loss": 2 / epoch})
whole.add_event("paused")
whole.finish("finished")
cut = runs.begin("fit", "cut", {"units": 64}, {})
for step in range(1, 1001):
    cut.progress.done = step
    cut.record_step(step, {"loss": 1 / step})
cut.tick()
assert writer.flush(path)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def stored(tmp_path: Path) -> list[StoredRun]:
    path = tmp_path / "runs.sqlite"
    root = Path(runs.__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", OTHER_KERNEL, path],
        env={**os.environ, "PYTHONPATH": str(root)},
        check=False,
    )
    return reader.load(path)


def test_a_whole_run_reads_as_it_did_live(stored: list[StoredRun]) -> None:
    whole = stored[0]
    bundle = static_bundle(whole)
    lines = [line.split() for line in bundle["text/plain"].splitlines()]
    assert ["loss", "0.3333", "0.3333", "3"] in lines
    assert ["val_loss", "0.6667", "0.6667", "3"] in lines
    assert "step 0: paused" in Page(bundle["text/html"]).texts


def test_a_run_of_a_killed_kernel_is_drawn_by_step(stored: list[StoredRun]) -> None:
    cut = stored[1]
    [group] = groups_of(cut)
    assert chart_of(cut, group).curves[0].points[-1] == (1000, 0.001)
    assert run_line(cut).startswith("cut: interrupted (the kernel ended), 1,000 steps in ")
    assert "interrupted" in Page(static_bundle(cut)["text/html"]).texts


def test_stored_runs_are_listed_and_compared(stored: list[StoredRun]) -> None:
    assert [line.split()[0] for line in runs_table_bundle(stored)["text/plain"].splitlines()] == [
        *("name", "cut", "whole"),
    ]
    compared = comparison_bundle(stored)["text/plain"].splitlines()
    assert ["units", "8", "64"] in [line.split() for line in compared]
