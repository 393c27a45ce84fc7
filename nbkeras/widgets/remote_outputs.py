"""Outputs of workers: those of one rank are shown as if the cell ran here, the others are kept."""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import clear_output

# So many outputs of each rank are kept.
KEPT = 2_000
_DISPLAYS = {"display_data", "update_display_data", "execute_result"}


class RemoteOutputs:
    """The outputs of one cell by rank."""

    def __init__(self, shown: int | None = 0) -> None:
        """Begin with none.

        Args:
            shown: the rank whose outputs are shown as they come. Default 0; None for no rank.
        """
        self._shown = shown
        self._kept: dict[int, deque[tuple[str, dict[str, Any]]]] = {}

    def take(self, rank: int, message: dict[str, Any]) -> None:
        """Take a message of a worker's kernel; what is no output is left."""
        kind, content = message["header"]["msg_type"], message["content"]
        if kind not in {"stream", "error", "clear_output", *_DISPLAYS}:
            return
        self._kept.setdefault(rank, deque(maxlen=KEPT)).append((kind, content))
        # The error comes at the end, once, as that of the cell here.
        if rank == self._shown and kind != "error":
            _show(kind, content)

    def show(self, rank: int) -> None:
        """Show the outputs of one rank again."""
        for kind, content in self._kept.get(rank, ()):
            _show(kind, content)

    def count(self, rank: int) -> int:
        """Return how many outputs of a rank are kept."""
        return len(self._kept.get(rank, ()))


def _show(kind: str, content: dict[str, Any]) -> None:
    if kind == "stream":
        stream = sys.stderr if content["name"] == "stderr" else sys.stdout
        stream.write(content["text"])
        stream.flush()
    elif kind == "error":
        sys.stderr.write("\n".join(content["traceback"]) + "\n")
    elif kind == "clear_output":
        clear_output(wait=content["wait"])
    else:
        shell = get_ipython()
        if shell is not None:
            shell.display_pub.publish(
                content["data"],
                content.get("metadata"),
                transient=content.get("transient") or {},
                update=kind == "update_display_data",
            )
