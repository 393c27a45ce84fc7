"""The ids of runs."""

from __future__ import annotations

import itertools
import os
import time

DATE_AND_TIME = "20261123-165512"
"""The part of an id that people can tell apart, by an example."""

_ENDINGS = 0x10000


def new_id(created: float) -> str:
    """Make an id that sorts by time, such as "20261123-165512-3f2a".

    Ids of one process are all different; two processes that begin a run in the
    same second get the same id once in 65,536 times.

    Args:
        created: When the run begins, in seconds since 1970.

    """
    begun = time.strftime("%Y%m%d-%H%M%S", time.localtime(created))
    return f"{begun}-{next(_numbers) % _ENDINGS:04x}"


def _start() -> None:
    # A forked child must not count on from where its parent does.
    global _numbers  # noqa: PLW0603 - one count for the process
    _numbers = itertools.count(int.from_bytes(os.urandom(2), "big"))


_numbers = itertools.count()
_start()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start)
