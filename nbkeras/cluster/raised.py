"""What workers have raised in a cell, as one failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.cluster.failure import WorkerFailure
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


def _one_line(text: str) -> str:
    """Return what an error says, in one line: TensorFlow's have a traceback of their own in the middle."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    ends = lines[:1] if len(lines) == 1 or not lines[0].endswith(":") else [lines[0], lines[-1]]
    return " ".join(each[:200] for each in ends)


def raised_by(failures: Mapping[int, Mapping[str, Any]], *, all_are_back: bool) -> WorkerFailure:
    """Return what the first worker has raised, with rank 0's traceback for an error of all.

    Args:
        failures: what each has raised, the first in time first.
        all_are_back: whether no worker still waits.
    """
    rank = next(iter(failures))
    if failures.get(0, {}).get("ename") == failures[rank]["ename"]:
        rank = 0
    raised = failures[rank]
    what = f"raised {raised['ename']}: {_one_line(raised['evalue'])}"
    refused = all_are_back and raised["ename"] == Refusal.__name__
    return WorkerFailure(
        rank,
        what,
        list(raised.get("traceback", [])),
        all_are_back=all_are_back,
        refusal=raised["evalue"] if refused else "",
        interrupted=all_are_back and raised["ename"] == KeyboardInterrupt.__name__,
    )
