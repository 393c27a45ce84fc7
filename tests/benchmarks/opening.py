"""How soon the view of a long run is drawn in a real JupyterLab."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from scripts import chromium
from tests.benchmarks import long_run
from tests.benchmarks.rows import Row, at_most, told
from tests.browser.conftest import Notebook, Server
from tests.conftest import CHROMIUM_FLAGS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.effort import Effort

LIMIT_S = 1
# Notes when the cell was run, when a widget's first message came, and when a frame with a curve was shown.
WATCH = """() => {
    const at = window.at = { run: performance.now() };
    panel.context.sessionContext.session.kernel.iopubMessage.connect((_, message) => {
        if (message.header.msg_type === 'comm_open') at.message ??= performance.now();
    });
    const pixels = canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    const drawn = canvas => canvas.width > 0 && pixels(canvas).some(value => value !== 0);
    let before = false;
    const look = () => {
        if (before) { at.drawn = performance.now(); return; }
        before = [...document.querySelectorAll('.nbkeras canvas')].some(drawn);
        requestAnimationFrame(look);
    };
    look();
}"""


def rows(effort: Effort, folder: Path) -> list[Row]:
    """Open the long run of a folder, each time in a new page with a new kernel."""
    path = chromium.find()
    if path is None:
        return [
            Row("opening the view", "no Chromium: `python scripts/chromium.py` installs one", "", held=False)
        ]
    log = folder / long_run.LOG
    if not log.exists():
        long_run.rows(effort, folder)
    server = Server(folder / "server", "lab")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
            times = [_open(server, browser, log, turn) for turn in range(effort.openings)]
    finally:
        server.close()
    from_message = [(at["drawn"] - at["message"]) / 1000 for at in times]
    from_cell = [(at["drawn"] - at["run"]) / 1000 for at in times]
    what, more = f"{effort.steps:,} steps", f" (median of {len(times)}, slowest {max(from_message):.2f})"
    return [
        at_most(
            f"view of {what}, message to drawn chart",
            statistics.median(from_message),
            LIMIT_S,
            "s",
            more=more,
        ),
        told("the same from running `%monitor`", statistics.median(from_cell), "s"),
    ]


def _open(server: Server, browser, log: Path, turn: int) -> dict[str, float]:
    setup = f"%load_ext nbkeras\nimport nbkeras\nnbkeras.runs.set_log({str(log)!r})"
    name = f"opening-{turn}.ipynb"
    server.write(name, [setup, "%monitor"])
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    notebook = Notebook(server, context.new_page(), name)
    notebook.wait_for_kernel()
    notebook.run(0)
    notebook.page.evaluate(WATCH)
    notebook.start(1)
    notebook.page.wait_for_function("() => window.at.drawn !== undefined", timeout=60_000)
    at = notebook.page.evaluate("() => window.at")
    context.close()
    server.end_kernels()
    return at
