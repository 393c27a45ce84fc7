"""Shows a search while it goes on: two displays in a notebook, lines in a terminal."""

from __future__ import annotations

import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.frontend import in_kernel
from nbkeras.training.tuning.opening import openers
from nbkeras.widgets.allowance import BYTES, WRAPPING
from nbkeras.widgets.picture.page import size
from nbkeras.widgets.tuning.picture import LIVE_LIMIT, head_bundle, trial_line, trials_bundle

if TYPE_CHECKING:
    from nbkeras.training.tuning.opening import SearchView
    from nbkeras.training.tuning.record import Search
    from nbkeras.widgets.picture.page import Bundle

# Seconds between two updates of the head.
_EVERY = 0.5


def install() -> None:
    """Show every search that begins from now on; a second call changes nothing."""
    if open_view not in openers:
        openers.append(open_view)


def open_view(search: Search) -> SearchView:  # noqa: ARG001 - openers take it
    """Show a search in whatever front end there is."""
    return NotebookView() if in_kernel() else TextView()


class NotebookView:
    """A search in a notebook: its head, and under it its trials, each a display that is updated.

    They are HTML, not widgets, so that what a notebook keeps is what was seen last. Their updates go past
    the capture of the trials' own output, and slowly enough for a slow connection.
    """

    def __init__(self) -> None:
        """Take the notebook's publisher, before a trial's output is captured."""
        self._publisher: Any = sys.modules["IPython"].get_ipython().display_pub
        self._head = _Display(self._publisher)
        self._trials = _Display(self._publisher)
        self._free = 0.0
        self._next = 0.0
        self._ended = -1

    def on_trial(self, search: Search) -> None:
        """Show that a trial has begun or ended."""
        self._show(search)

    def on_progress(self, search: Search) -> None:
        """Show how far the trial is."""
        self._show(search)

    def on_end(self, search: Search) -> None:
        """Show the whole picture, which stays."""
        self._head.show(head_bundle(search))
        self._trials.show(trials_bundle(search))

    def _show(self, search: Search) -> None:
        now = time.monotonic()
        ended = sum(trial.status != "running" for trial in search.trials)
        if now < self._free:
            return
        if self._ended < 0:
            # The head stands above the trials.
            self._head.show(head_bundle(search))
        if ended != self._ended:
            self._ended = ended
            if ended:
                self._pay(now, self._trials.show(trials_bundle(search, limit=LIVE_LIMIT)))
        if now >= self._next:
            self._next = now + _EVERY
            self._pay(now, self._head.show(head_bundle(search)))

    def _pay(self, now: float, sent: int) -> None:
        self._free = max(now, self._free) + sent / BYTES


class _Display:
    """One output of the cell, shown again and again in its place."""

    def __init__(self, publisher: Any) -> None:
        self._publisher = publisher
        self._id = uuid.uuid4().hex
        self._is_shown = False

    def show(self, bundle: Bundle) -> int:
        """Show a bundle in place of the last one; return how many bytes that took."""
        transient = {"display_id": self._id}
        self._publisher.publish(bundle, transient=transient, update=self._is_shown)
        self._is_shown = True
        return size(bundle) + WRAPPING


class TextView:
    """A search as text: a line for each trial, and what came of it."""

    def __init__(self) -> None:
        """Take the output as it is before a trial's own is captured."""
        self._out = sys.stdout
        self._told = 0

    def on_trial(self, search: Search) -> None:
        """Print the trials that have ended."""
        ended = [trial for trial in search.trials if trial.status != "running"]
        for trial in ended[self._told :]:
            self._print(trial_line(search, trial))
        self._told = len(ended)

    def on_progress(self, search: Search) -> None:
        """Print nothing."""

    def on_end(self, search: Search) -> None:
        """Print what came of it."""
        self._print(head_bundle(search)["text/plain"])
        self._print(trials_bundle(search)["text/plain"])

    def _print(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        self._out.flush()
