"""How the workers are, and when one is given up."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# Seconds of its main thread between two signs of life, from which a worker in an operation of TensorFlow does
# not wait in it: it makes short steps, and is seen at one place of them. One that waits computes nothing.
_STEPS = 0.005
# Seconds without a sign of life after which a worker's process is taken for stopped.
SILENCE = 10.0
# Seconds from one look at the workers to the next, in which nobody has stood still.
_NEXT = 1.0
# Seconds that the end of a dataset may take (see `nbkeras.cluster.beats`), a minute, and a little more.
_FREEING = 75.0


@dataclass(slots=True)
class Health:
    """What is known of one worker.

    Attributes:
        rank: its number, from 0.
        state: starting, ready, runs, done, or how it ended.
        heard: when it was heard of last, in seconds of `time.monotonic`.
        signs: its last sign of life.
        since: since when it has been at the same place, or done with its cell.
    """

    rank: int
    state: str = "starts"
    heard: float = field(default_factory=time.monotonic)
    signs: dict[str, Any] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    def hear(self, signs: dict[str, Any]) -> None:
        """Take a sign of life."""
        self.heard = time.monotonic()
        steps = signs["waits"] and (signs.get("busy") or 0) - (self.signs.get("busy") or 0) > _STEPS
        if steps or any(signs[name] != self.signs.get(name) for name in ("stack", "done", "waits")):
            self.since = self.heard
        self.signs = signs

    def cell_began(self) -> None:
        """Note that a cell begins."""
        self.state, self.signs = "runs", {}
        self.heard = self.since = time.monotonic()

    def cell_ended(self) -> None:
        """Note that it is done with the cell."""
        self.state = "done"
        self.since = time.monotonic()

    def stood(self, now: float) -> float:
        """Return for how many seconds it has been seen at one place."""
        return (now if self.state == "done" else self.heard) - self.since


def hanging(workers: Iterable[Health], patience: float) -> tuple[int, str] | None:
    """Return the rank that the others wait for in vain, and what it does; None while all goes well.

    A worker hangs when nothing is heard of it, or when it has stood at one place of its Python code for
    so long while others wait for it, in an operation of TensorFlow or behind the cell, and none of them all
    has moved. One that is done with the cell is waited for in vain by all that are in an operation of
    TensorFlow.

    Args:
        workers: all of them.
        patience: seconds that a worker may stand at one place while the others wait; a little more than a
            minute where a dataset may be under way to its end.
    """
    now = time.monotonic()
    all_of_them = list(workers)
    unheard = silent(all_of_them, patience)
    if unheard is not None:
        return unheard
    running = [each for each in all_of_them if each.state == "runs"]
    busy = [each for each in running if not each.signs.get("waits")]
    if not running or len(all_of_them) == 1 or (len(busy) > 1 and len(busy) == len(running)):
        return None
    awaited = next((each for each in busy if not each.signs.get("frees")), busy[0] if busy else None)
    stood = min(each.stood(now) for each in all_of_them)
    if stood < (max(patience, _FREEING) if awaited is not None and awaited.signs.get("frees") else patience):
        return None
    if awaited is not None:
        place = f" (line {awaited.signs['place']} of the cell)" if awaited.signs.get("place") else ""
        text = f"stood at one place for {stood:.0f} s{place} while the others waited for it"
        return awaited.rank, f"{text}: %cluster start --patience 5m waits longer"
    left = next((each.rank for each in all_of_them if each.state == "done"), None)
    text = f"has left the cell, and rank {running[0].rank} has waited for it for {stood:.0f} s"
    return None if left is None else (left, text)


def looked_at(workers: Iterable[Health], before: float) -> float:
    """Return when the workers are looked at: now. That nobody did for long counts against none of them.

    A machine that was paused hears nobody, and nor does a notebook that is kept busy.

    Args:
        workers: all of them.
        before: when they were looked at before this, in seconds of `time.monotonic`.
    """
    now = time.monotonic()
    missed = max(0.0, now - before - _NEXT)
    for each in workers:
        each.heard = min(now, each.heard + missed)
        each.since = min(now, each.since + missed)
    return now


def silent(workers: Iterable[Health], patience: float) -> tuple[int, str] | None:
    """Return the rank of which nothing is heard any more, and what is said of it; None while all are.

    Args:
        workers: all of them.
        patience: seconds that a worker may stand at one place while the others wait.
    """
    now = time.monotonic()
    for each in workers:
        if each.state == "runs" and now - each.heard > max(SILENCE, patience):
            return each.rank, f"was not heard of for {now - each.heard:.0f} s: its process stands still"
    return None
