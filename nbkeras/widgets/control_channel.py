"""How a view's buttons reach a run whose cell is busy.

The view opens a comm on which the kernel never publishes: ipykernel 7 then handles its messages in a
subshell's thread while the cell goes on (on a comm that the kernel has published on, 7.4 would send them
to the blocked main shell). The handler only sets thread-safe fields; the training reads them at its next
batch end.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

from nbkeras.callbacks.interrupt import STOP_BUTTON
from nbkeras.runtime.refusal import Refusal

TARGET = "nbkeras.control"


def register(shell: Any) -> None:
    """Listen for views of a kernel's shell; a second call changes nothing."""
    manager = getattr(shell.kernel, "comm_manager", None)
    # Kernels other than ipykernel may have none.
    if manager is not None:
        manager.register_target(TARGET, _opened)


def unregister(shell: Any) -> None:
    """Listen for no more views; those that are open are heard as before."""
    manager = getattr(shell.kernel, "comm_manager", None)
    if manager is not None and manager.targets.get(TARGET) is _opened:
        manager.unregister_target(TARGET, _opened)


def obey(data: dict[str, Any]) -> None:
    """Carry out one message of a view; one for a run that has ended does nothing."""
    from nbkeras.runs import registry  # loaded long before a view has anything to say

    run = next((run for run in registry.live_runs() if run.id == data.get("run") and run.live), None)
    if run is None:
        return
    control = run.control
    kind = data.get("type")
    if kind == "stop":
        control.stop(STOP_BUTTON)
    elif kind == "pause":
        control.pause()
    elif kind == "resume":
        control.resume()
    elif kind == "snapshot":
        control.request_snapshot()
    elif kind == "learning_rate":
        value = data.get("value")
        # A field that holds no number is refused by the view; what else comes is not for this run.
        with contextlib.suppress(Refusal):
            control.set_learning_rate(value if isinstance(value, (int, float)) else math.nan)


def _opened(comm: Any, _message: dict[str, Any]) -> None:
    comm.on_msg(lambda message: obey(message["content"]["data"]))
