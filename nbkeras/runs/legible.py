"""Texts that every file and every page can hold."""

from __future__ import annotations


def legible(text: str) -> str:
    r"""Write out what UTF-8 has no bytes for, so that no log, file or page fails at it.

    Python reads a file name of another encoding into lone surrogates, and a
    run may be named after a file.

    Example:
        >>> from nbkeras.runs.legible import legible
        >>> legible("caf\udce9")
        'caf\\udce9'

    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
