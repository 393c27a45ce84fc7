"""Who is told when a run begins, so that rooms above this one can stamp it and show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.run import Run

Opener: TypeAlias = "Callable[[Run], None]"

openers: list[Opener] = []
"""Each is called with every run that begins, in the thread that trains, before the first tick."""

stampers: list[Opener] = []
"""Each is called with every run that begins, whether it is shown or not, to add to its environment."""

takers: list[Opener] = []
"""Where there are any, they alone are told of each run, in place of openers, also of one that is not shown:
its views and its log are another process's."""
