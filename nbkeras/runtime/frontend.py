"""Which program shows this kernel's output, told from the process alone."""

from __future__ import annotations

import functools
import os
import sys
from enum import Enum
from pathlib import Path
from typing import Any


class Frontend(Enum):
    """The front ends that nbkeras treats differently."""

    JUPYTER = "Jupyter"
    COLAB = "Colab"
    VSCODE = "VS Code"
    TERMINAL = "terminal"


def frontend() -> Frontend:
    """Name the front end of this process.

    A kernel cannot ask who is looking at it: JupyterLab and Notebook 7 are told apart from Colab and
    VS Code by what those two leave behind in the process.
    """
    if not in_kernel():
        return Frontend.TERMINAL
    if "google.colab" in sys.modules:
        return Frontend.COLAB
    if "VSCODE_PID" in os.environ or "VSCODE_CWD" in os.environ:
        return Frontend.VSCODE
    return Frontend.JUPYTER


def in_ipython() -> bool:
    """Tell whether this process runs cells, in a kernel or in a terminal."""
    return running_shell() is not None


def in_kernel() -> bool:
    """Tell whether this process is a Jupyter kernel (and not a terminal IPython)."""
    return getattr(running_shell(), "kernel", None) is not None


def notebook_folder() -> Path:
    """Return the folder of this kernel's notebook; the current one where that is not known.

    Jupyter Server tells a kernel the path of its notebook when it starts (2.x: in JPY_SESSION_NAME). A
    process that a notebook starts inherits it, and Colab's notebooks are no files.
    """
    told = Path(os.environ.get("JPY_SESSION_NAME", ""))
    return told.parent if in_kernel() and told.is_absolute() and told.is_file() else Path.cwd()


def running_shell() -> Any:
    """Return the shell that runs this process's cells, None where there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


@functools.cache
def ipykernel_version() -> tuple[int, ...]:
    """Return ipykernel's version as numbers, ``()`` when it is not installed."""
    # Imported here: it takes 15 ms, a third of what loading nbkeras may take.
    from importlib import metadata

    try:
        text = metadata.version("ipykernel")
    except metadata.PackageNotFoundError:
        return ()
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())


def hears_comms_while_busy() -> bool:
    """Tell whether a front end can reach a handler while a cell is running.

    From ipykernel 7 on, messages of a comm that the kernel never publishes on are handled in a
    subshell's thread (measured on 7.0, 7.3 and 7.4; on 6.31 they wait until the cell has ended).
    """
    return in_kernel() and ipykernel_version() >= (7,)
