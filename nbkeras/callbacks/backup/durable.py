"""Files that are there whole or not at all, whatever ends the process or the machine."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PART = ".part"
"""The ending of a file that is being written."""


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file aside, sync it to the disk and give it its name.

    Args:
        path: the file's name.
        write: writes all of it to the path that it is given.

    Raises:
        OSError: when it cannot be written; nothing stands under the name then but what stood there.
    """
    aside = path.with_name(path.name + PART)
    try:
        write(aside)
        _sync(aside)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    # The name is the folder's to keep.
    if os.name == "posix":
        _sync(path.parent)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
