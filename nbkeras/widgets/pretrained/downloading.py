"""A download while it goes on: one line that keeps itself up to date."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.frontend import in_kernel
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.text_line import clock

if TYPE_CHECKING:
    from pathlib import Path

_PACE = 0.2
_MEGABYTE = 1 << 20


class DownloadLine:
    """Shows how much of a file is here; called by the download.

    A notebook gets one output that is replaced, a terminal one line that is drawn over, a file only the end.

    Example:
        >>> line = DownloadLine("MobileNetV2")
        >>> line.text(3 << 20, 14 << 20, seconds=2)
        'MobileNetV2: 3.0 of 14.0 MB, 1.5 MB/s, 0:07 left'

    Args:
        name: of what is downloaded.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._first: int | None = None
        self._shown = float("-inf")
        self._display: Any = None
        self._drawn = 0

    def __call__(self, done: int, total: int | None) -> None:
        """Show that so many bytes are here, of so many."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = done, now
        if now - self._shown < _PACE and done != total:
            return
        self._shown = now
        self._show(self.text(done, total, seconds=now - self._began))

    def text(self, done: int, total: int | None, *, seconds: float) -> str:
        """Return the line for so many bytes after so many seconds."""
        whole = "" if total is None else f" of {total / _MEGABYTE:,.1f}"
        parts = [f"{self._name}: {done / _MEGABYTE:,.1f}{whole} MB"]
        rate = (done - (self._first or 0)) / seconds if seconds else 0.0
        if rate:
            parts.append(f"{rate / _MEGABYTE:,.1f} MB/s")
        if rate and total is not None and done < total:
            parts.append(f"{clock((total - done) / rate)} left")
        return ", ".join(parts)

    def close(self, folder: Path) -> None:
        """Say where the file is now; nothing where none had to be brought."""
        if self._first is None:
            return
        last = f"{self._name}: downloaded to {folder}"
        if in_kernel() or sys.stdout.isatty():
            self._show(last)
        else:
            sys.stdout.write(last)
        if not in_kernel():
            sys.stdout.write("\n")

    def _show(self, text: str) -> None:
        if in_kernel():
            from IPython.display import display

            bundle = {"text/plain": text, "text/html": render("line.html", line=text)}
            if self._display is None:
                self._display = display(bundle, raw=True, display_id=True)
            else:
                self._display.update(bundle, raw=True)
        elif sys.stdout.isatty():
            sys.stdout.write("\r" + text.ljust(self._drawn))
            sys.stdout.flush()
            self._drawn = len(text)
