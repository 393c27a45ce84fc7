"""A directory of backups that another process of the same training writes."""

from __future__ import annotations

from typing import Any

from nbkeras.callbacks.backup.lock import FolderLock
from nbkeras.callbacks.backup.store import Backup, Store


class Reader(Store):
    """Backups to go on from. Those that would be written here are the other process's."""

    def save(self, about: dict[str, Any], state: Any) -> Backup:  # noqa: ARG002 - read, and written elsewhere
        """Write nothing."""
        return Backup(0, about, 0, "")

    def amend(self, backup: Backup, more: dict[str, Any]) -> None:
        """Write nothing."""

    def clear(self) -> int:
        """Delete nothing."""
        return 0


class NoLock(FolderLock):
    """The other process holds the folder."""

    def take(self) -> None:
        """Hold nothing."""
