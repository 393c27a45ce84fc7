"""How often a monitor may speak: so often that a slow connection to the notebook's server keeps up.

A tick of a run with few metrics may go ten times a second. With more metrics ticks become larger, and so
rarer: what is new waits for the next one.
"""

from __future__ import annotations

# Bytes a second that a monitor says of a run at most: 4 KB, less the status messages of the cell itself.
BYTES = 3900
# Bytes that a comm wraps around each message: its id, the method, the braces.
WRAPPING = 100
# Seconds between two sketches, from which a page that was closed and reopened draws its picture.
SKETCH_EVERY = 2.0
# Seconds between two ticks of the recorder: a tick that was allowed between two of them goes with the second.
BEAT = 0.1


class Allowance:
    """Spaces out the messages of one monitor; times are seconds of any clock."""

    def __init__(self) -> None:
        """Allow a tick at any time."""
        self._for_ticks: float = BYTES
        self._next = 0.0

    def sketched(self, size: int) -> float:
        """Note that a sketch of so many bytes was sent.

        Returns:
            Seconds until the next one: sketches take half of the bytes at most.
        """
        wrapped = size + WRAPPING
        pause = max(SKETCH_EVERY, wrapped / (BYTES / 2))
        self._for_ticks = BYTES - wrapped / pause
        return pause

    def allows_tick(self, now: float) -> bool:
        """Tell whether a tick may be sent now."""
        return now >= self._next

    def ticked(self, now: float, size: int) -> None:
        """Note that a tick of so many bytes was sent."""
        self._next = max(self._next, now - BEAT) + (size + WRAPPING) / self._for_ticks
