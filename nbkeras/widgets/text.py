"""A run in a terminal: one line that keeps itself up to date, or plain lines in a log file."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.run_line import run_line
from nbkeras.widgets.text_line import cells, clock, epoch_name, metric_parts, progress_line

if TYPE_CHECKING:
    from nbkeras.runs.events import Fresh
    from nbkeras.runs.run import Run

# Plain lines come no faster than one in so many seconds.
_PACE = 1.0
# Notes and events are as long as whoever wrote them liked; to a limit.
_LENGTH = 1000


class TextView:
    """Shows a run as text on ``sys.stdout``.

    A terminal gets one line that is drawn over again, or none where Keras draws its own. Anything else
    (a file, a pipe, a captured cell) gets one line an epoch, at most one a second, and the last one always.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "digits")
        >>> run.observe(TextView())
        >>> run.record_epoch(1, {"loss": 0.5})
        >>> run.finish("finished")  # doctest: +ELLIPSIS
        Epoch 1  loss 0.5000
        digits: finished, 1 epoch in ...
    """

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._notes_shown = 0
        self._drawn = 0
        self._waiting: str | None = None
        self._printed = float("-inf")
        self._told_drawn = False

    def on_tick(self, run: Run, fresh: Fresh) -> None:
        """Show what came since the last tick."""
        self._tell_notes(run)
        if run.drawn and _is_terminal() and not self._told_drawn:
            self._told_drawn = True
            self._print("Keras's own progress is shown, verbose=0 shows the monitor's")
        for event in fresh.events:
            self._print(f"step {numerals.count(event.step)}: {wording.line(event.text, _LENGTH)}")
        for _, values in fresh.steps[-1:]:
            self._values.update(values)
        for _, values in fresh.epochs:
            self._values.update(values)
        if _is_terminal():
            if not run.drawn:
                self._redraw(run)
        else:
            self._tell_epochs(run, fresh)

    def on_end(self, run: Run) -> None:
        """Show how the run ended."""
        self._tell_notes(run)
        if self._waiting is not None and not _is_terminal():
            self._print(self._waiting)
        self._waiting = None
        self._print(run_line(run))

    def _tell_notes(self, run: Run) -> None:
        for note in run.notes[self._notes_shown :]:
            self._print(wording.line(note, _LENGTH))
        self._notes_shown = len(run.notes)

    def _redraw(self, run: Run) -> None:
        # The last column stays free: many terminals wrap when it is written to.
        width = shutil.get_terminal_size().columns - 1
        line = progress_line(
            run.progress,
            {name: self._values[name] for name in run.metrics if name in self._values},
            width=width,
            label="" if run.kind == "fit" or run.progress.epochs else run.kind,
            paused=run.status == "paused",
            plain=not _can_show("━╌"),
        )
        taken = cells(line)
        self._write("\r" + line + " " * (min(self._drawn, width) - taken))
        self._drawn = taken

    def _tell_epochs(self, run: Run, fresh: Fresh) -> None:
        for epoch, values in fresh.epochs:
            parts = [epoch_name(epoch, run.progress.epochs)]
            if run.progress.elapsed >= 1:
                parts.append(clock(run.progress.elapsed))
            parts += metric_parts(values)
            self._waiting = "  ".join(parts)
        now = time.monotonic()
        if self._waiting is not None and now - self._printed >= _PACE:
            self._print(self._waiting)
            self._waiting, self._printed = None, now

    def _print(self, text: str) -> None:
        if self._drawn:
            self._write("\r" + " " * self._drawn + "\r")
            self._drawn = 0
        self._write(text + "\n")

    @staticmethod
    def _write(text: str) -> None:
        # sys.stdout is looked up each time, so that a capture put in place later works. What people put there
        # to copy what is printed into a file may have a write alone.
        encoding = _encoding()
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        getattr(sys.stdout, "flush", bool)()


def _is_terminal() -> bool:
    return bool(getattr(sys.stdout, "isatty", bool)())


def _encoding() -> str:
    return getattr(sys.stdout, "encoding", None) or "utf-8"


def _can_show(signs: str) -> bool:
    try:
        signs.encode(_encoding())
    except UnicodeEncodeError:
        return False
    return True
