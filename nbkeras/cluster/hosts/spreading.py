"""Commands for workers that share no memory: rank 0 goes on when its decision has come to all hosts."""

from __future__ import annotations

import struct
import time
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.commands import Commands, Wish
from nbkeras.cluster.wire import tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbkeras.cluster.hosts.engine_kernel import EngineKernel

_NAME = "confirmed"
_NUMBER = struct.Struct("<Q")
# Seconds between two looks of rank 0 whether its decision has come to all.
_LOOK = 0.002


class SpreadCommands(Commands):
    """The commands of a worker on a host of its own.

    While rank 0 waits here, the others wait for it in their next step, so that none is past the step that
    it has chosen.
    """

    def __init__(self, folder: Path) -> None:
        """Map the file of this host into memory.

        Args:
            folder: that of the worker.
        """
        super().__init__(folder / "commands")
        self._confirmed = folder / _NAME

    def decide(self, wish: Wish) -> None:
        """Write what rank 0 has decided, and wait until all hosts have it."""
        super().decide(wish)
        tell(decided=astuple(wish))
        while _read(self._confirmed) < wish.number:
            time.sleep(_LOOK)


def confirm_in(folder: Path, number: int) -> None:
    """Let rank 0 go on.

    Args:
        folder: that of its worker.
        number: of the wish that all hosts know the decision about.
    """
    part = folder / f"{_NAME}-part"
    part.write_bytes(_NUMBER.pack(number))
    part.replace(folder / _NAME)


def _read(path: Path) -> int:
    return int(_NUMBER.unpack(path.read_bytes())[0]) if path.exists() else 0


class HostCommands:
    """The notebook's end: wishes go to rank 0's host, its decisions to all others."""

    def __init__(self, kernels: Sequence[EngineKernel]) -> None:
        """Begin with new workers, of whom nothing was asked yet.

        Args:
            kernels: the workers.
        """
        self._kernels = kernels
        self.asked_number = self.decided_number = 0

    def ask(self, what: int, value: float, run: int) -> None:
        """Send a wish for a run to rank 0."""
        self.asked_number += 1
        self._kernels[0].ask("ask", what, value, run)

    def spread(self, decided: Sequence[Any]) -> None:
        """Send what rank 0 has decided to all others, and then let it go on."""
        number = int(decided[0])
        waiting = {kernel.rank for kernel in self._kernels[1:]}

        def confirm() -> None:
            self._kernels[0].ask("confirm", number)
            self.decided_number = number

        def came(rank: int) -> None:
            waiting.discard(rank)
            if not waiting:
                confirm()

        if not waiting:
            confirm()
        for kernel in self._kernels[1:]:
            asked = kernel.ask("decide", list(decided))
            asked.add_done_callback(lambda _, rank=kernel.rank: came(rank))
