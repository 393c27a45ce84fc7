"""Where the log is."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.runs.log.files import DEFAULT
from nbkeras.runtime.frontend import notebook_folder

if TYPE_CHECKING:
    import os

_lock = threading.Lock()
_chosen: Path | None = None
_settled = False


def current() -> Path | None:
    """Say where the log is, or None when it is off.

    It is beside the notebook. Where no notebook is known, it moves with the
    current directory until the first run, or until somebody chooses; then it
    stays where it is.
    """
    with _lock:
        return _chosen if _settled else notebook_folder() / DEFAULT


def settle() -> Path | None:
    """Say where the log is, and keep it there from now on."""
    path = current()
    choose(path)
    return path


def choose(path: str | os.PathLike[str] | None) -> None:
    """Put the log somewhere else, or turn it off with None."""
    global _chosen, _settled
    absolute = None if path is None else Path(path).expanduser().absolute()
    with _lock:
        _chosen, _settled = absolute, True
