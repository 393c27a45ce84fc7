"""What becomes of a cell when a worker fails."""

from __future__ import annotations


class WorkerFailure(RuntimeError):  # noqa: N818 - a worker's, not of this process
    """A worker failed; the message says which, and how.

    Attributes:
        rank: its number, from 0.
        traceback: the lines of its own traceback, with colours; empty where it had none.
        all_are_back: whether all workers have come back from the cell, and can take another one.
        refusal: the words of a `Refusal`, where all workers have raised one; else "".
        interrupted: whether all workers have left an ``evaluate`` or ``predict`` as a stop was asked for.
    """

    def __init__(
        self,
        rank: int,
        what: str,
        traceback: list[str] | None = None,
        *,
        all_are_back: bool = False,
        refusal: str = "",
        interrupted: bool = False,
    ) -> None:
        """Say which worker it was, and what happened."""
        super().__init__(f"rank {rank} {what}")
        self.rank = rank
        self.traceback = traceback or []
        self.all_are_back = all_are_back
        self.refusal = refusal
        self.interrupted = interrupted

    def _render_traceback_(self) -> list[str]:
        """Tell IPython what to show: the worker's own traceback, not that of the waiting here."""
        return [*self.traceback, f"WorkerFailure: {self}"]
