"""The way of a worker from its start until it has joined."""

from __future__ import annotations

import time
from textwrap import indent
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.failure import WorkerFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nbkeras.cluster.health import Health

# The states of a worker that joins, from its start on.
_WAY = ("starts", "is there", "runs", "imports TensorFlow", "waits for the others", "serves", "ready", "done")


def late(healths: Sequence[Health], deadline: float) -> WorkerFailure:
    """Return the failure of the worker that has come least far.

    Args:
        healths: of all workers.
        deadline: seconds that they had.
    """
    missing = min(healths, key=lambda health: _WAY.index(health.state))
    text = f"has not joined within {deadline:g} s ({missing.state})"
    return WorkerFailure(missing.rank, f"{text}: type  %cluster start --deadline 5m")


def importing_from(path: Sequence[str], code: str) -> str:
    """Return code that looks for its imports in these folders first."""
    return (
        f"import sys\npath = {list(path)!r}\n"
        f"sys.path[:] = path + [each for each in sys.path if each not in path]\ndel path\n{code}"
    )


def heard(code: str) -> str:
    """Return code during which a worker gives signs of life, as it does in a cell."""
    found = "from nbkeras.cluster import worker as _nbkeras_worker"
    return f"{found}\nwith _nbkeras_worker.here().beats.beating():\n{indent(code, '    ')}"


def greet(
    kernels: Sequence[Any],
    healths: Sequence[Health],
    messages: Callable[[], Iterable[tuple[int, Mapping[str, Any]]]],
    look: Callable[[], None],
) -> None:
    """Wait until each kernel is there, and its outputs are heard.

    Args:
        kernels: of all workers, started.
        healths: of the same; their states are noted.
        messages: gives the ranks and messages that have come, after a moment where there are none.
        look: called between; raises when one has failed or time is over.
    """
    heard: set[tuple[int, str]] = set()
    asked = 0.0
    while len(heard) < 2 * len(kernels):
        if time.monotonic() - asked > 1:
            asked = time.monotonic()
            for kernel in kernels:
                kernel.send("kernel_info_request", {})
        for rank, message in messages():
            kind = message["header"]["msg_type"]
            if kind in {"kernel_info_reply", "status"}:
                heard.add((rank, kind))
                if {(rank, "kernel_info_reply"), (rank, "status")} <= heard:
                    healths[rank].state = "is there"
        look()
