"""One training at a time writes backups to a folder."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from nbkeras.callbacks.backup.about import is_over
from nbkeras.runtime.refusal import Refusal

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path

    from nbkeras.callbacks.backup.store import Store

NAME = "backup.lock"


class FolderLock:
    """Holds a folder for this process; the system lets go of it when the process ends, however that is.

    Args:
        folder: the folder; it is made.
    """

    def __init__(self, folder: Path) -> None:
        """Hold nothing yet."""
        self.folder = folder
        self._handle: int | None = None

    def take(self) -> None:
        """Hold the folder.

        Raises:
            Refusal: when another training holds it, or it cannot be written.
        """
        if self._handle is not None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise Refusal(
                f"backup: expected a directory that can be written, received {str(self.folder)!r} "
                f"({error.strerror}): give another directory"
            ) from None
        if sys.platform != "win32":
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                holder = os.read(handle, 20).decode(errors="replace").strip()
                os.close(handle)
                raise Refusal(
                    f"backup: expected a directory that no other training writes to, received "
                    f"{str(self.folder)!r}, which process {holder or 'unknown'} uses: wait for its end, "
                    "or give another directory"
                ) from None
        # On a full disk nobody learns who holds it; it is held nevertheless.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        self._handle = handle

    def release(self) -> None:
        """Let go of the folder."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        # The file stays: whoever waits for it has it open already.
        os.close(handle)


def clear_folder(store: Store) -> int:
    """Delete the backups of a folder that no training uses, and the folder if nothing else is in it.

    Returns:
        How many there were.

    Raises:
        Refusal: when a training uses it.
    """
    lock = FolderLock(store.folder)
    lock.take()
    try:
        (store.folder / NAME).unlink(missing_ok=True)
        return store.clear()
    finally:
        lock.release()


def note_cell_end(store: Store) -> None:
    """Note that the cell of a training came to its end: a finished training does not pass any more."""
    newest = store.backups()[:1]
    if not newest or not newest[0].about["finished"] or is_over(newest[0].about):
        return
    lock = FolderLock(store.folder)
    with suppress(Refusal):
        lock.take()
        store.amend(newest[0], {"cell_under_way": False})
    lock.release()
