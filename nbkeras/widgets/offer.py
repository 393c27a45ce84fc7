"""Which controls a view of a run may offer, by front end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.runtime.frontend import Frontend, frontend, hears_comms_while_busy, ipykernel_version
from nbkeras.widgets.protocol import Controls

if TYPE_CHECKING:
    from nbkeras.runs.record import RunRecord


def controls_of(run: RunRecord) -> Controls:
    """Tell what a view of this run may offer in this front end."""
    if not run.live:
        return Controls()
    where = frontend()
    if where in (Frontend.COLAB, Frontend.VSCODE):
        return Controls(
            hint=f"To stop, press the stop button of {where.value}: training ends, the cell goes on."
        )
    if not hears_comms_while_busy():
        version = ".".join(str(part) for part in ipykernel_version())
        return Controls(hint=f"Pause and learning rate need ipykernel 7 or later (here: {version}).")
    # A schedule is recorded by its name, a rate that can be set by its number.
    can_set = isinstance(run.parameters.get("learning_rate"), (int, float))
    return Controls(pause=True, learning_rate=can_set)
