"""The runs of this process."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from nbkeras.runs.log import place
from nbkeras.runs.log.reader import steps_of
from nbkeras.runs.log.writer import flush, writer_of
from nbkeras.runs.opening import openers, stampers, takers
from nbkeras.runs.reopening import earlier, take_over
from nbkeras.runs.run import Run
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbkeras.runs.opening import Opener
    from nbkeras.runs.series import StepSeries
    from nbkeras.runs.vocabulary import JSON, Kind

HELD = 100
"""So many of the runs that have ended are kept in memory; older ones are read from the log."""

_lock = threading.RLock()
_runs: dict[str, Run] = {}


def begin(
    kind: Kind,
    name: str,
    parameters: Mapping[str, JSON],
    environment: Mapping[str, JSON],
    *,
    id: str | None = None,
    notes: Sequence[str] = (),
    log: bool = True,
    shown: bool = True,
    drawn: bool = False,
    continues: tuple[int, int] | None = None,
    history: Mapping[str, Mapping[int, float]] | None = None,
) -> Run:
    """Begin a run: it is listed, logged, and shown by whoever opens views.

    An opener that raises is noted on the run and never ends the training.

    Args:
        kind: What it does.
        name: What the user calls it; its kind when empty.
        parameters: What it was started with, as JSON knows it.
        environment: Where it runs, as JSON knows it.
        id: An id that `naming.new_id` has made for it; by default it makes one.
        notes: What the user should know of it from the start.
        log: Whether it goes to the run log.
        shown: Whether it is shown by whoever opens views.
        drawn: Whether what trains shows its progress in the terminal by itself.
        continues: The steps and the epochs of an earlier run of this id that count; it goes on with them.
        history: What else is known of those epochs, where the log lacks them: metric -> value by epoch.

    """
    before = None if id is None or continues is None else earlier(id, _runs)
    run = Run(kind, name, parameters, environment, id)
    run.drawn = drawn
    if continues is not None:
        take_over(run, before, steps=continues[0], epochs=continues[1], history=history or {})
    with _lock:
        _runs.pop(run.id, None)
        _runs[run.id] = run
        _let_go()
    if log:
        _log(run)
    for stamper in tuple(stampers):
        _open(stamper, run, "this run has no stamp")
    for note in notes:
        run.add_note(note)
    for opener in tuple(takers or (openers if shown else ())):
        _open(opener, run, "this run is not shown")
    return run


def live_runs() -> list[Run]:
    """List the runs that this process still holds, newest last."""
    with _lock:
        return list(_runs.values())


def drop(ids: list[str]) -> None:
    """Take runs from the list."""
    with _lock:
        for id in ids:
            _runs.pop(id, None)


def _let_go() -> None:
    # What is in the log can be read from there; the others are in no other place.
    logged = [run for run in _runs.values() if run.archive is not None and not run.live]
    for run in logged[:-HELD]:
        del _runs[run.id]


def _log(run: Run) -> None:
    try:
        path = place.settle()
        if path is None:
            return
        recorder = writer_of(path).attach(run)
    except Exception as error:  # noqa: BLE001 - without a log, the training goes on
        run.add_note(f"the run log is off: {error}")
        return
    run.observe(recorder)

    def archive(metric: str) -> StepSeries | None:
        if recorder.off or not flush(path):
            return None
        with suppress(Refusal):
            return steps_of(path, run.id, metric)
        return None

    run.archive = archive


def _open(opener: Opener, run: Run, failed: str) -> None:
    try:
        opener(run)
    except Exception as error:  # noqa: BLE001 - a view must not end the training
        run.add_note(f"{failed}: {type(error).__name__}: {error}")


def _forget_all() -> None:
    # In a forked child: the runs are the parent's. The lock may have been held at the fork.
    global _lock  # noqa: PLW0603
    _lock = threading.RLock()
    _runs.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
