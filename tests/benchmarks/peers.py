"""One training under nbkeras and under its peers: messages, bytes, and the notebook that is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbclient.exceptions import CellExecutionError

from tests.benchmarks.rows import Row, kilobytes, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.effort import Effort
    from tests.benchmarks.notebook import Notebook

FIRST = "nbkeras, first run in a kernel"
# The first show how the steps go, the others draw again at the end of an epoch.
BY_STEP = ("Keras verbose=1", "tqdm.keras", "trainplot by batch")
BY_EPOCH = ("livelossplot", "trainplot")
NAMES = ("silent", *BY_STEP, *BY_EPOCH, FIRST, "nbkeras")
HEAD = "| reporter | messages | KB | KB with envelope | .ipynb KB | with widget state |"


@dataclass(frozen=True, slots=True)
class Report:
    """What one reporter said of one training; sizes in bytes, `problem` where it could not run."""

    name: str
    messages: int = 0
    payload: int = 0
    wire: int = 0
    saved: int = 0
    saved_with_widgets: int = 0
    problem: str = ""

    def line(self) -> str:
        """Return its line of the table."""
        if self.problem:
            return f"| {self.name} | does not run: {self.problem} | | | | |"
        sizes = (self.payload, self.wire, self.saved, self.saved_with_widgets)
        cells = [self.name, number(self.messages), *(number(kilobytes(size)) for size in sizes)]
        return f"| {' | '.join(cells)} |"


def rows(notebook: Notebook, effort: Effort, seconds: float, show: Callable[[str], None]) -> list[Row]:
    """Train once under each reporter, show what it said, and compare nbkeras's bytes with each peer's.

    Args:
        notebook: a kernel in which nbkeras has shown nothing yet.
        effort: for the steps of an epoch.
        seconds: how long each training shall take, 0 for as fast as it can.
        show: takes the table of all reporters.
    """
    what = f"a training of {seconds} s" if seconds else "a training as fast as it goes"
    notebook.run("from tests.benchmarks.in_kernel import reporters, workload\nmodel = workload.small_model()")
    notebook.run(f"workload.fit(model, {effort.epoch_steps})")
    found = [_report(notebook, name, f"{effort.epoch_steps}, {seconds}") for name in NAMES]
    show(f"{what.capitalize()}, 5 epochs of {effort.epoch_steps} steps:")
    show("\n".join([HEAD, "|" + "---|" * 6, *(report.line() for report in found)]))
    ours = next(report for report in found if report.name == "nbkeras")
    peers = [report for report in found if report.name in BY_STEP + BY_EPOCH and not report.problem]
    return [_row(ours, peer, what) for peer in peers]


def _row(ours: Report, peer: Report, what: str) -> Row:
    figure = f"{number(kilobytes(ours.wire))} KB / {number(kilobytes(peer.wire))} KB"
    return Row(f"bytes of {what}, nbkeras / {peer.name}", figure, "less", ours.wire < peer.wire)


def _report(notebook: Notebook, name: str, size: str) -> Report:
    notebook.new_page()
    reporter = "nbkeras" if name == FIRST else name
    try:
        traffic = notebook.run(f"reporters.report({reporter!r}, model, {size})")
    except CellExecutionError as error:
        return Report(name, problem=f"{error.ename}: {error.evalue}")
    return Report(
        name,
        len(traffic.messages),
        traffic.payload,
        traffic.wire,
        notebook.saved_size(widgets=False),
        notebook.saved_size(widgets=True),
    )
