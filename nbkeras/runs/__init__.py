"""The record of every training run: live ones, and the log on disk.

Example:
    >>> import nbkeras
    >>> nbkeras.runs.latest().name
    'more dropout'

"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from nbkeras.runs.opening import openers

if TYPE_CHECKING:
    from nbkeras.runs.library import all, delete, export, get, latest, log_path, set_log, to_frame
    from nbkeras.runs.record import Best, RunRecord
    from nbkeras.runs.registry import begin
    from nbkeras.runs.run import Run
    from nbkeras.runs.runlist import RunList
    from nbkeras.runs.series import StepSeries

__all__ = [
    "Best",
    "Run",
    "RunList",
    "RunRecord",
    "StepSeries",
    "all",
    "begin",
    "delete",
    "export",
    "get",
    "latest",
    "log_path",
    "openers",
    "set_log",
    "to_frame",
]

# Nothing below is imported before it is used: NumPy and sqlite3 are not for %load_ext to wait for.
_HOMES = {
    "Best": "record",
    "Run": "run",
    "RunList": "runlist",
    "RunRecord": "record",
    "StepSeries": "series",
    "begin": "registry",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'library')}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
