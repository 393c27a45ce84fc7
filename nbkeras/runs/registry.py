"""The runs of this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from nbkeras.runs.opening import openers
from nbkeras.runs.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.runs.opening import Opener
    from nbkeras.runs.vocabulary import JSON, Kind

_lock = threading.RLock()
_runs: dict[str, Run] = {}


def begin(
    kind: Kind,
    name: str,
    parameters: Mapping[str, JSON],
    environment: Mapping[str, JSON],
    *,
    log: bool = True,
) -> Run:
    """Begin a run: it is listed, logged, and shown by whoever opens views.

    An opener that raises is noted on the run and never ends the training.

    Args:
        kind: What it does.
        name: What the user calls it; its kind when empty.
        parameters: What it was started with, as JSON knows it.
        environment: Where it runs, as JSON knows it.
        log: Whether it goes to the run log.

    """
    del log
    with _lock:
        run = Run(kind, name, parameters, environment)
        while run.id in _runs:
            run = Run(kind, name, parameters, environment)
        _runs[run.id] = run
    for opener in tuple(openers):
        _open(opener, run)
    return run


def _open(opener: Opener, run: Run) -> None:
    try:
        opener(run)
    except Exception as error:  # noqa: BLE001 - a view must not end the training
        run.add_note(f"this run is not shown: {type(error).__name__}: {error}")


def runs() -> list[Run]:
    """List the runs of this process, newest last."""
    with _lock:
        return list(_runs.values())
