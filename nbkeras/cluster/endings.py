"""How the processes of a cluster ended, and what they have written about it."""

from __future__ import annotations

from typing import Any


def ending_of(kernel: Any) -> str | None:
    """Return how a process ended, with the last line that it has written about it; None while it runs."""
    ending: str | None = kernel.ending
    if ending is None:
        return None
    lines = kernel.said().strip().splitlines()
    # TensorFlow's own severities: information and warnings are of other things.
    told = [line for line in lines if line.startswith(("F0", "F1", "E0", "E1", "Fatal", "terminate"))]
    return f"{ending}: {told[-1].strip()[:300]}" if told else ending
