"""What the notebook asks of a training on all workers, which each carries out after the same step.

The workers of a step wait for each other, so a stop that one obeys a step before another leaves the others
waiting for ever. Rank 0 therefore decides: after its step k it writes that a wish is carried out after its
step k + 2, and every worker looks here after each step. Nobody can have ended step k + 2 before rank 0
took part in it, and that was after the decision was written.

One file that all map into memory: a look costs no system call.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

STOP, PAUSE, RESUME, LEARNING_RATE = 1, 2, 3, 4
# Steps between the decision and the deed.
AHEAD = 2
# number, what, value, which run, and with a decision: which call of the cell, after which step of it.
_WISH = struct.Struct("<QQdQQQ")
_NUMBER = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that is asked for, with a number that rises.

    Attributes:
        number: 1 for the first of a cluster.
        what: `STOP`, `PAUSE`, `RESUME` or `LEARNING_RATE`.
        value: the learning rate.
        run: the run that it is for, as `number_of` has it.
        call: the call of the cell that carries it out, from 1; 0 before a decision, and where none does.
        step: the step of that call after which it does.
    """

    number: int = 0
    what: int = 0
    value: float = 0.0
    run: int = 0
    call: int = 0
    step: int = 0


def number_of(run: str) -> int:
    """Return a number in the place of a run's id, which is the same in all processes."""
    return zlib.crc32(run.encode())


class Commands:
    """The file of one cluster: a wish of the notebook's, and rank 0's decision about it."""

    def __init__(self, path: Path) -> None:
        """Map a file into memory; it is made if there is none."""
        with path.open("a+b") as file:
            if file.tell() < 2 * _WISH.size:
                file.truncate(2 * _WISH.size)
            self._memory = mmap.mmap(file.fileno(), 2 * _WISH.size)

    @property
    def asked_number(self) -> int:
        """The number of the last wish, 0 before the first."""
        return int(_NUMBER.unpack_from(self._memory, 0)[0])

    @property
    def decided_number(self) -> int:
        """The number of the last wish that rank 0 has decided about."""
        return int(_NUMBER.unpack_from(self._memory, _WISH.size)[0])

    def asked(self) -> Wish:
        """Read the last wish."""
        return Wish(*_WISH.unpack_from(self._memory, 0))

    def decided(self) -> Wish:
        """Read the last decision."""
        return Wish(*_WISH.unpack_from(self._memory, _WISH.size))

    def ask(self, what: int, value: float, run: int) -> None:
        """Write a wish for a run; the one before must have been decided about."""
        self._write(0, Wish(self.asked_number + 1, what, value, run))

    def decide(self, wish: Wish) -> None:
        """Write what rank 0 has decided."""
        self._write(_WISH.size, wish)

    def _write(self, offset: int, wish: Wish) -> None:
        packed = _WISH.pack(*astuple(wish))
        # The number last: who sees a new one sees all that belongs to it.
        self._memory[offset + _NUMBER.size : offset + _WISH.size] = packed[_NUMBER.size :]
        self._memory[offset : offset + _NUMBER.size] = packed[: _NUMBER.size]
