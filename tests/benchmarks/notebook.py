"""A notebook with a real kernel, run by nbclient as a front end runs it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient

from tests.benchmarks.places import ROOT
from tests.benchmarks.traffic import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from tests.benchmarks.traffic import Traffic

TIMEOUT = 600


class Notebook:
    """Runs cells one after the other; a context manager that ends the kernel.

    Args:
        folder: the kernel's current directory; nbkeras keeps its run log there.
    """

    def __init__(self, folder: Path) -> None:
        # JupyterLab keeps one output for one stream, however many messages it came in.
        self._client = NotebookClient(nbformat.v4.new_notebook(), timeout=TIMEOUT, coalesce_streams=True)
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"}
        # What the kernel's process prints is none of the table's.
        self._process = {"env": environment, "cwd": str(folder), "stderr": subprocess.DEVNULL}
        self._stack = ExitStack()
        self._listener: Listener

    def __enter__(self):
        """Start the kernel."""
        self._stack.enter_context(self._client.setup_kernel(**self._process))
        info = self._client.km.get_connection_info()
        self._listener = Listener(f"{info['transport']}://{info['ip']}:{info['iopub_port']}")
        self._stack.callback(self._listener.close)
        self._until_heard()
        return self

    def __exit__(self, *error: object) -> None:
        """End the kernel."""
        self._stack.close()

    def run(self, source: str) -> Traffic:
        """Run a cell to its end; return what it said.

        Raises:
            nbclient.exceptions.CellExecutionError: when the cell raises.
        """
        self._execute(source)
        return self._listener.cell(timeout=30)

    def value(self, source: str) -> Any:
        """Run a cell and return the value of its last expression, which JSON can hold."""
        self.run(f"import json\njson.dumps({source})")
        outputs = self._client.nb.cells[-1].outputs
        text = next(out.data["text/plain"] for out in outputs if out.output_type == "execute_result")
        return json.loads(ast.literal_eval(text))

    def new_page(self) -> None:
        """Begin a new notebook with the same kernel."""
        self._client.nb = nbformat.v4.new_notebook()
        self._client.reset_execution_trackers()

    def saved_size(self, *, widgets: bool) -> int:
        """Return the bytes of the notebook's file.

        Args:
            widgets: with the state of its widgets, as nbclient and ``nbconvert --execute`` keep it;
                JupyterLab by default does not.
        """
        self._client.nb.metadata.pop("widgets", None)
        if widgets:
            self._client.set_widgets_metadata()
        return len(nbformat.writes(self._client.nb).encode())

    def _execute(self, source: str) -> None:
        nb = self._client.nb
        nb.cells.append(nbformat.v4.new_code_cell(source))
        self._client.execute_cell(nb.cells[-1], len(nb.cells) - 1)

    def _until_heard(self) -> None:
        # A subscriber that has just connected misses the first messages.
        for _ in range(100):
            self._execute("pass")
            try:
                self._listener.cell(timeout=0.2)
            except TimeoutError:
                continue
            break
        self.new_page()
