"""The directories of the fits of one cell: ``backups``, and ``backups-2`` beside it."""

from __future__ import annotations

from pathlib import Path


def has_own_name(directory: str) -> bool:
    """Tell whether a directory is told by its name, and not by where one is: not ``.``, ``..`` or ``/``.

    Example:
        >>> [has_own_name(each) for each in ("backups", "a/b", ".", "", "a/..", "/")]
        [True, True, False, False, False, False]
    """
    return Path(directory).name not in {"", ".."}


def own_directory(directory: str, number: int) -> str:
    """Return the directory of one fit of a cell: the second one's is ``backups-2`` beside ``backups``.

    Args:
        directory: the first one's, which has a name of its own where there are others.
        number: which fit it is, from 1.
    """
    path = Path(directory)
    return directory if number == 1 else str(path.with_name(f"{path.name}-{number}"))
