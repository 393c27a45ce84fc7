"""How the processes of a cluster ended, and what they have written about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from nbkeras.cluster.kernel import WorkerKernel


def read_log(log: Path) -> str:
    """Return what a process has written so far."""
    try:
        return log.read_text(errors="replace")
    except OSError:
        return ""


def ending_of(kernel: WorkerKernel) -> str | None:
    """Return how a process ended, with the last line that it has written about it; None while it runs."""
    if kernel.ending is None:
        return None
    lines = read_log(kernel.log).strip().splitlines()
    # TensorFlow's own severities: information and warnings are of other things.
    told = [line for line in lines if line.startswith(("F0", "F1", "E0", "E1", "Fatal", "terminate"))]
    return f"{kernel.ending}: {told[-1].strip()[:300]}" if told else kernel.ending
