"""Gives every run that begins its stamp."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.stamp import quick_facts, slow_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.runs.events import Fresh
    from nbkeras.runs.run import Run

# Seconds that the end of a run waits for its stamp at most.
PATIENCE = 2.0
# Reading it may take this share of the time: where a repository is slow, the runs of a while share one.
SHARE = 0.05

_lock = threading.Lock()
_last: dict[str, tuple[float, dict[str, Any]]] = {}


def stamp_run(run: Run) -> None:
    """Stamp a run: what takes long is read beside the training."""
    note_on(run, "stamp", quick_facts())
    run.observe(_Slow(run))


class _Slow:
    """Reads packages and the git commit while the training begins."""

    def __init__(self, run: Run) -> None:
        self._thread = threading.Thread(target=_read, args=(run,), name="nbkeras stamp", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The process may have no more threads.
            _read(run)

    def on_tick(self, run: Run, _: Fresh) -> None:
        """Wait for the stamp with the last tick, after which the run is written for good."""
        if not run.live and self._thread.is_alive():
            self._thread.join(PATIENCE)

    def on_end(self, run: Run) -> None:
        """Let it end."""


def note_on(run: Run, name: str, facts: Mapping[str, Any]) -> None:
    """Add facts to what a run's record says about where it ran and what it came to."""
    # Replaced as a whole and by one thread at a time: the log reads it in another.
    with _lock:
        held = run.environment.get(name)
        before = held if isinstance(held, dict) else {}
        run.environment = {**run.environment, name: {**before, **facts}}


def _read(run: Run) -> None:
    try:
        _read_or_raise(run)
    except Exception as error:  # noqa: BLE001 - a record must not end the training
        run.add_note(f"the stamp has neither packages nor commit: {type(error).__name__}: {error}")


def _read_or_raise(run: Run) -> None:
    here, began = _directory(), time.monotonic()
    good_until, facts = _last.get(here, (0.0, {}))
    if began >= good_until:
        facts = slow_facts()
        now = time.monotonic()
        _last[here] = (now + (now - began) / SHARE, facts)
    note_on(run, "stamp", facts)


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - as text
    except OSError:
        # It was deleted: then it is no repository.
        return ""
