"""Listens to a notebook: where its cells begin and end, and what the buttons of its views say."""

from __future__ import annotations

import contextlib
import inspect
import sys
from typing import Any

from nbkeras.callbacks import interrupt
from nbkeras.runtime.frontend import in_kernel
from nbkeras.widgets.control_channel import register, unregister

# The function of IPython in which the code of each cell is executed.
_RUNS_CODE = ("IPython.core.interactiveshell", "run_code")


def listen(shell: Any) -> None:
    """Listen to a shell; a second call changes nothing."""
    if _begin_cell not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _begin_cell)
        if _in_a_cell():
            # The one under way is the first that is heard of.
            interrupt.begin_cell()
    shell.events.register("post_run_cell", _end_cell)
    if in_kernel():
        register(shell)


def listen_no_more(shell: Any) -> None:
    """Leave a shell to itself again."""
    interrupt.end_cell()
    for event, function in (("pre_run_cell", _begin_cell), ("post_run_cell", _end_cell)):
        with contextlib.suppress(ValueError):
            shell.events.unregister(event, function)
    if in_kernel():
        unregister(shell)


def _in_a_cell() -> bool:
    """Tell whether a cell is running, of whose beginning nobody was told."""
    frame = inspect.currentframe()
    while frame is not None:
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == _RUNS_CODE:
            return True
        frame = frame.f_back
    return False


def _begin_cell(_info: Any) -> None:
    """Let the first interrupt of each cell be a graceful one."""
    interrupt.begin_cell()


def _end_cell(result: Any) -> None:
    """Close the runs that a plain ``fit`` or a loop of this cell has left open."""
    interrupt.end_cell()
    open_runs = sys.modules.get("nbkeras.callbacks.open_runs")
    if open_runs is not None:
        open_runs.close_abandoned(result.error_before_exec or result.error_in_exec)
