"""Runs a cell in a new process, after the cells that its notebook has executed before it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.reproducibility.proof.trace import Trace

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LABEL = "the new process"
_INSTALLS = ("%pip", "!pip", "%conda", "!conda", "%restart")
_SHOWN = 3


def earlier_cells(shell: InteractiveShell) -> list[str]:
    """Return the cells that a notebook has executed before the one that runs, each once, in their order.

    Cells that install packages are left out, and a cell magic of proof is taken off.
    """
    history = list(getattr(shell.history_manager, "input_hist_raw", []))[:-1]
    bodies = [_body(cell) for cell in history]
    return [
        cell for cell in dict.fromkeys(bodies) if cell.strip() and not cell.lstrip().startswith(_INSTALLS)
    ]


def run_in_new_process(cells: list[str], line: str, cell: str) -> tuple[Trace, list[str]]:
    """Run the cells and then the last one, written down; return what it showed, and which cells failed.

    The process has this one's current directory, environment and Python; no run of it goes to the run log.
    """
    with tempfile.TemporaryDirectory(prefix="nbkeras-proof-") as folder:
        job, result = Path(folder, "job.json"), Path(folder, "result.json")
        job.write_text(json.dumps({"cells": cells, "line": line, "cell": cell}), encoding="utf-8")
        command = [sys.executable, "-m", "nbkeras.magics.fresh_process", str(job), str(result)]
        environment = {
            **os.environ,
            "MPLBACKEND": "agg",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        with subprocess.Popen(  # noqa: S603 - our own module
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                _, said = process.communicate()
            except BaseException:
                process.kill()
                raise
        if not result.exists():
            last = (said.strip().splitlines() or ["it said nothing"])[-1]
            return Trace(LABEL, fresh=True, error=f"it ended with code {process.returncode}: {last}"), []
        held = json.loads(result.read_text(encoding="utf-8"))
        return Trace.from_json(held["trace"]), held["failed"]


def _body(cell: str) -> str:
    first, _, rest = cell.partition("\n")
    return rest if first.startswith("%%reproducible") else cell


def _main(job: Path, result: Path) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    from nbkeras import runs
    from nbkeras.magics.proven_cell import ProvenCell

    asked = json.loads(job.read_text(encoding="utf-8"))
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "nbkeras")
    runs.set_log(None)
    failed = []
    for cell in asked["cells"]:
        done = shell.run_cell(cell, store_history=True)
        error = done.error_before_exec or done.error_in_exec
        if error is not None:
            failed.append(f"There, an earlier cell failed: {type(error).__name__}: {error}")
        runs.set_log(None)
    proven = ProvenCell(shell, asked["line"], asked["cell"])
    trace = proven.again(LABEL)
    trace.fresh = True
    result.write_text(json.dumps({"trace": trace.to_json(), "failed": failed[:_SHOWN]}), encoding="utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]))
