"""Paths that a training will write to, tried before it begins."""

from __future__ import annotations

import os
from pathlib import Path

from nbkeras.runtime.refusal import Refusal


def output_file(path: str | os.PathLike[str], *, option: str, makes_folders: bool) -> str:
    """Return the path of a file that can be written, with ``~`` made out.

    Args:
        path: the file, there or not.
        option: the option's name, for the refusal.
        makes_folders: whether the writer makes the folders that are missing.

    Raises:
        Refusal: when the file could not be written.
    """
    file = _expanded(path, option, "file")
    try:
        if file.is_dir():
            refusal = f"{option}: expected a file, received the directory {str(path)!r}: give a file in it"
            raise Refusal(refusal)
        _refuse_unwritable(file.parent, path, option)
        if file.exists() and not os.access(file, os.W_OK):
            raise Refusal(_unwritable("file", path, option))
        if not makes_folders and not file.parent.is_dir():
            refusal = (
                f"{option}: expected a file in a folder that is there, received {str(path)!r}: "
                f"give  {file.name}  or make the folder {str(file.parent)!r} first"
            )
            raise Refusal(refusal)
    except OSError:
        # A name that is too long, or a folder that may not be looked into.
        raise Refusal(_unwritable("file", path, option)) from None
    return str(file)


def output_directory(path: str | os.PathLike[str], *, option: str) -> str:
    """Return the path of a directory, there or not, in which can be written.

    Raises:
        Refusal: when it could not be.
    """
    directory = _expanded(path, option, "directory")
    try:
        if directory.exists() and not directory.is_dir():
            refusal = (
                f"{option}: expected a directory, received the file {str(path)!r}: give another directory"
            )
            raise Refusal(refusal)
        _refuse_unwritable(directory, path, option)
    except OSError:
        raise Refusal(_unwritable("place", path, option)) from None
    return str(directory)


def _expanded(path: str | os.PathLike[str], option: str, what: str) -> Path:
    try:
        return Path(path).expanduser()
    except (TypeError, RuntimeError):
        # No path at all, or the home of a user who is not there.
        text = (
            f"{option}: expected the path of a {what}, received {path!r}: give a text such as  'out/{option}'"
        )
        raise Refusal(text) from None


def _refuse_unwritable(directory: Path, given: str | os.PathLike[str], option: str) -> None:
    # Folders that are missing can be made where the first one that is there can be written.
    existing = directory
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise Refusal(_unwritable("place", given, option))


def _unwritable(what: str, path: str | os.PathLike[str], option: str) -> str:
    return f"{option}: expected a {what} that can be written, received {str(path)!r}: give another path"
