"""Who is told when a search begins, so that rooms above this one can show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.training.tuning.record import Search


class SearchView(Protocol):
    """Whoever shows a search. All is called in the thread that trains."""

    def on_trial(self, search: Search) -> None:
        """Take that a trial has begun or ended."""

    def on_progress(self, search: Search) -> None:
        """Take that the trial under way has come further; at most ten times a second."""

    def on_end(self, search: Search) -> None:
        """Take the end: the search's status is final."""


Opener: TypeAlias = "Callable[[Search], SearchView]"

openers: list[Opener] = []
"""Each is called with every search that begins and is to be shown."""
