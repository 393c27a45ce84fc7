"""What callbacks do to Python's and NumPy's random state where epochs begin and end.

A PyDataset or a generator may draw from the same state, and a replay runs no callbacks. So the states that
they left there are noted, and a replay sets them at the same places. There, no thread of the data draws: its
iterator has come to its end, or was not begun. How far the data themselves have moved the state is noted,
too: where a replay comes to another state, its data were others.
"""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from nbkeras.callbacks.backup.randomness import write_random

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # Epoch, "begin" or "end", digests of the state before the callbacks, the states that they left.
    Entry: TypeAlias = tuple[int, str, dict[str, str], dict[str, Any]]

_NAMES = {"python": "Python's", "numpy": "NumPy's"}


class Boundaries:
    """Notes the random states at the boundaries of the epochs of a training.

    Args:
        known: what an earlier run of the training has noted, from `state`.
        noted: whether to note anything.
    """

    def __init__(self, known: Any = None, *, noted: bool = True) -> None:
        """Note nothing yet."""
        self._noted: list[Entry] = [] if known is None else _whole(known["noted"])
        self._last: tuple[int, str, dict[str, Any]] | None = None
        self._active = noted

    def around(self, epoch: int, where: str, call: Callable[[], None]) -> None:
        """Call the callbacks' hooks, and note what they did to the random state."""
        if not self._active:
            call()
            return
        before = _read()
        call()
        after = _read()
        self._last = epoch, where, before
        moved = [name for name in before if not _same(before[name], after[name])]
        if moved:
            left = {name: _data(name, after[name]) for name in moved}
            self._noted.append((epoch, where, _digests(before), left))

    def state(self) -> dict[str, Any]:
        """Return what is noted, as data."""
        last = None if self._last is None else [*self._last[:2], _digests(self._last[2])]
        return {"noted": _short(self._noted), "last": last}


class Retraced:
    """Brings a replay's random state to what it was at the boundaries of the epochs.

    Args:
        known: what the training has noted, from `Boundaries.state`.
    """

    def __init__(self, known: Any) -> None:
        """Begin with the random state as it is."""
        self._entries = {
            (epoch, where): (before, left) for epoch, where, before, left in _whole(known["noted"])
        }
        if known["last"] is not None:
            epoch, where, digests = known["last"]
            self._entries.setdefault((epoch, where), (digests, {}))
        self._at = _read()
        self._drawn: set[str] = set()
        self._strayed: set[str] = set()

    def come(self, epoch: int, where: str) -> None:
        """Take note of the state to which the data have come, and set the one that the callbacks left."""
        now = self._look()
        before, left = self._entries.get((epoch, where), ({}, {}))
        found = _digests(now) if before else {}
        self._strayed |= {name for name in self._drawn if name in before and before[name] != found[name]}
        write_random({name: _written(name, state) for name, state in left.items()})
        self._at = _read()

    def drawn(self) -> frozenset[str]:
        """Return the sources that data have drawn from."""
        self._look()
        return frozenset(self._drawn)

    def strayed(self) -> list[str]:
        """Say where the data have come to another state than before."""
        return [
            f"not exact: the data drew other numbers from {_NAMES[name]} random state than before, so their "
            "order differs: a callback or a thread draws from it, too: give it a generator of its own"
            for name in sorted(self._strayed)
        ]

    def _look(self) -> dict[str, Any]:
        now = _read()
        self._drawn |= {name for name in now if not _same(now[name], self._at[name])}
        return now


def _read() -> dict[str, Any]:
    # As the libraries give them: some microseconds, at each beginning and end of an epoch.
    return {"python": random.getstate(), "numpy": np.random.get_state(legacy=False)}  # noqa: NPY002 - users' own


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else bool(one == other)


def _data(name: str, state: Any) -> dict[str, Any]:
    """Return a state with its numbers apart from its place in them: most draws move only that."""
    if name == "python":
        version, numbers, gauss = state
        return {"numbers": np.array(numbers[:-1], np.uint32), "rest": [version, numbers[-1], gauss]}
    inner = dict(state["state"])
    numbers = inner.pop("key", None)
    return {"numbers": numbers, "rest": {**state, "state": inner}}


def _written(name: str, data: Mapping[str, Any]) -> Any:
    """Return what `write_random` takes."""
    if name == "python":
        version, place, gauss = data["rest"]
        return [version, np.append(data["numbers"], np.uint32(place)), gauss]
    inner = dict(data["rest"]["state"])
    if data["numbers"] is not None:
        inner["key"] = data["numbers"]
    return {**data["rest"], "state": inner}


def _digests(states: Mapping[str, Any]) -> dict[str, str]:
    return {name: _digest(_data(name, state)) for name, state in states.items()}


def _digest(data: Mapping[str, Any]) -> str:
    numbers = b"" if data["numbers"] is None else data["numbers"].tobytes()
    return hashlib.sha256(numbers + repr(data["rest"]).encode()).hexdigest()[:16]


def _short(entries: list[Entry]) -> list[Any]:
    """Leave numbers out that are those of the entry before."""
    held: dict[str, Any] = {}
    found = []
    for epoch, where, before, left in entries:
        kept = {}
        for name, data in left.items():
            new = not _same(data["numbers"], held.get(name))
            kept[name] = {"rest": data["rest"], **({"numbers": data["numbers"]} if new else {})}
            held[name] = data["numbers"]
        found.append([epoch, where, before, kept])
    return found


def _whole(entries: list[Any]) -> list[Entry]:
    """Undo `_short`."""
    held: dict[str, Any] = {}
    found: list[Entry] = []
    for epoch, where, before, kept in entries:
        held |= {name: data["numbers"] for name, data in kept.items() if "numbers" in data}
        left = {name: {"rest": data["rest"], "numbers": held[name]} for name, data in kept.items()}
        found.append((epoch, where, before, left))
    return found
