"""What all tests share: markers by folder, no skipping in CI, and the browser."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts import chromium as chromium_script

if TYPE_CHECKING:
    from collections.abc import Generator

    from IPython.core.interactiveshell import InteractiveShell
    from playwright.sync_api import Browser

HERE = Path(__file__).parent
GRID = os.environ.get("GRID") == "pairwise"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MARKER_OF_FOLDER = {"browser": "browser", "cluster": "kernel", "kernel": "kernel"}
# Folders whose tests take long come first, so that no worker is left alone with them at the end.
LONG = ["browser", "setup", "kernel", "cluster", "recipes", "benchmarks", "training"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give the tests of a folder the marker that the folder stands for, and put the long ones first.

    What `make grid` alone runs is left out, not skipped, which CI takes for a failure.
    """
    left_out = [item for item in items if _is_costly(item) and not GRID]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    folders = {item: item.path.relative_to(HERE).parts[0] for item in items}
    items.sort(key=lambda item: LONG.index(folders[item]) if folders[item] in LONG else len(LONG))
    for item in items:
        marker = MARKER_OF_FOLDER.get(folders[item])
        if marker:
            item.add_marker(marker)


def _is_costly(item: pytest.Item) -> bool:
    """Tell what has the marker: all of a test, or those of its cases that the marker names."""
    case = item.name.partition("[")[2].rstrip("]").split("-")
    return any(not mark.args or set(mark.args) & set(case) for mark in item.iter_markers("costly"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Give a worker whole files, and one worker all that share a browser, a kernel or a cluster."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((shared for shared in ("browser", "kernel/", "cluster/") if shared in file), file)

    # The order is that of pytest_collection_modifyitems.
    config.option.loadscopereorder = False
    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped test that needs a browser or other processes a failure in CI."""
    report = yield
    needs = {mark.name for mark in item.iter_markers()} & {"browser", "kernel"}
    if IN_CI and needs and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"A {needs.pop()} test may not be skipped in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole file that skips itself, as pytest.importorskip does."""
    report = yield
    part = collector.path.relative_to(HERE).parts[:1] if collector.path.is_relative_to(HERE) else ()
    if IN_CI and report.skipped and part and part[0] in MARKER_OF_FOLDER:
        report.outcome = "failed"
        report.longrepr = f"Tests of {part[0]} may not be skipped in CI: {report.longrepr}"
    return report


@pytest.fixture
def shell() -> Generator[InteractiveShell, None, None]:
    """IPython in this process, gone again afterwards: much of nbkeras asks whether it runs in cells."""
    # Not above: the tests with the oldest releases import as little as they can.
    from IPython.core.interactiveshell import InteractiveShell

    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture(scope="module", autouse=True)
def no_shell_is_left_behind() -> Generator[None, None, None]:
    """Blame the file that leaves IPython on, not one that another worker happens to run behind it."""
    yield
    ipython = sys.modules.get("IPython")
    assert ipython is None or ipython.get_ipython() is None, "IPython is still on: use the fixture shell"


@pytest.fixture
def python_interrupts() -> Generator[None, None, None]:
    """Give SIGINT Python's own handler: a program that is started in the background has none."""
    from nbkeras.callbacks.interrupt import GracefulInterrupt

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    # A run of the test before may have been stopped as by the button.
    GracefulInterrupt._echo_until = 0.0
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Generator[Browser, None, None]:
    """One Chromium for all tests: Playwright runs once in a process."""
    # Not above: the tests with the oldest releases have no Playwright, and need none.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one the test is skipped, and fails in CI."""
    path = chromium_script.find()
    if path is None:
        pytest.skip("no Chromium: `python scripts/chromium.py` installs one")
    return path
