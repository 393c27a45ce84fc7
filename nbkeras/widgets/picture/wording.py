"""Other people's words (names, notes, errors) made fit for a line of a view."""

from __future__ import annotations

import re

# Control characters, halves of surrogate pairs, and marks that turn the direction of writing:
# no XML or HTML page may hold the first two, and a terminal would obey the first.
_ILLEGAL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    r"""Return the text with a visible sign in place of each character that no view can hold.

    Example:
        >>> clean("a\x00b")
        'a�b'
    """
    return _ILLEGAL.sub("\ufffd", text)


def line(text: str, length: int) -> str:
    r"""Return the text clean, on one line, and cut where it is longer than ``length``.

    Example:
        >>> line("disk\n  full", 20), line("mean_squared_error", 8)
        ('disk full', 'mean_sq…')
    """
    # Of a text of megabytes only the beginning is looked at.
    flat = clean(" ".join(text[: 4 * length].split()))
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def metric(name: str) -> str:
    """Return a metric's name as views show it."""
    return line(name, 40)
