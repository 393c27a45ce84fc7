"""One training under nbkeras and under its peers: messages, bytes, and the notebook that is saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbclient.exceptions import CellExecutionError

from tests.benchmarks.rows import Row, kilobytes, number

if TYPE_CHECKING:
    from tests.benchmarks.notebook import Notebook

FIRST = "nbkeras, first run in a kernel"
NAMES = ("silent", "Keras verbose=1", "tqdm.keras", "livelossplot", "trainplot", FIRST, "nbkeras")
SILENT = "silent"
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


def reports(notebook: Notebook, seconds: float) -> list[Report]:
    """Train once under each reporter.

    Args:
        notebook: a kernel in which nbkeras has shown nothing yet.
        seconds: how long each training shall take, 0 for as fast as it can.
    """
    notebook.run("from tests.benchmarks.in_kernel import reporters, workload\nmodel = workload.small_model()")
    notebook.run("workload.fit(model)")
    return [_report(notebook, name, seconds) for name in NAMES]


def table(found: list[Report]) -> str:
    """Return the reports as a Markdown table."""
    return "\n".join([HEAD, "|" + "---|" * 6, *(report.line() for report in found)])


def rows(found: list[Report], what: str) -> list[Row]:
    """Compare nbkeras's bytes with the peer's that says least."""
    ours = next(report for report in found if report.name == "nbkeras")
    peers = [report for report in found if "nbkeras" not in report.name and report.name != SILENT]
    least = min((report for report in peers if not report.problem), key=lambda report: report.payload)
    bar = f"< {number(kilobytes(least.payload))} KB ({least.name})"
    return [
        Row(f"bytes of {what}", f"{number(kilobytes(ours.payload))} KB", bar, ours.payload < least.payload)
    ]


def _report(notebook: Notebook, name: str, seconds: float) -> Report:
    notebook.new_page()
    reporter = "nbkeras" if name == FIRST else name
    try:
        traffic = notebook.run(f"reporters.report({reporter!r}, model, {seconds})")
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
