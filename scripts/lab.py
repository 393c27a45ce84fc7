"""Open the quickstart in JupyterLab, or with --headless execute it from top to bottom."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
QUICKSTART = ROOT / "notebooks" / "quickstart.ipynb"


def execute(path: Path) -> Any:
    """Execute a notebook in a fresh kernel and print each cell with the time it took.

    Returns:
        The notebook with its outputs; the file stays as it is.

    Raises:
        nbclient.exceptions.CellExecutionError: A cell failed.
        nbclient.exceptions.DeadKernelError: The kernel died.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    cells = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    started = time.monotonic()

    def announce(cell: Any, cell_index: int) -> None:
        first_line = cell.source.partition("\n")[0]
        number = cells.index(cell_index) + 1
        print(f"[{number}/{len(cells)}] {first_line[:60]:<60} ", end="", flush=True)

    def report(cell: Any, cell_index: int, execute_reply: Any) -> None:  # noqa: ARG001
        nonlocal started
        now = time.monotonic()
        print(f"{execute_reply['content']['status']:>5} {now - started:6.1f} s", flush=True)
        started = now

    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=announce,
        on_cell_executed=report,
    )
    with tempfile.TemporaryFile("w+") as said:  # TensorFlow says much that would hide the progress
        try:
            client.execute(stderr=said)
        except Exception:
            said.seek(0)
            print(f"\n{said.read()}", file=sys.stderr)
            raise
    return notebook


def open_lab(path: Path) -> None:
    """Replace this process by JupyterLab with the notebook open."""
    # JupyterLab refuses root, which is who one is in a bare container.
    root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    # Not as an argument: the address that JupyterLab prints, for machines without a browser, would lack it.
    opened = [
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.default_url=/lab/tree/{path.relative_to(ROOT).as_posix()}",
    ]
    os.execv(sys.executable, [sys.executable, "-m", "jupyter", "lab", *root, *opened])  # noqa: S606


def main(arguments: list[str]) -> int:
    """Do what the arguments ask for; return the exit status."""
    if "--headless" not in arguments:
        print(f"==> Opening {QUICKSTART.name} in JupyterLab (Ctrl-C twice ends it)", flush=True)
        open_lab(QUICKSTART)
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    print(f"==> Executing {QUICKSTART.name}", flush=True)
    try:
        execute(QUICKSTART)
    except (CellExecutionError, DeadKernelError) as error:
        print(f"\n{error}\nnbkeras: {QUICKSTART.name} failed at the cell above.", file=sys.stderr)
        return 1
    print("==> Every cell ran.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
