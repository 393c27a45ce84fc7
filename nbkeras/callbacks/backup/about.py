"""What a backup says of itself, and how it is said to people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbkeras.callbacks.backup.store import Backup


def place(about: dict[str, Any]) -> str:
    """Say where a backup is in its training: ``epoch 4, step 120``."""
    epoch, step = about["position"]
    return f"epoch {epoch + 1}, step {step}" if step else f"the end of epoch {epoch}"


def when(about: dict[str, Any]) -> str:
    """Say when a backup was made, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about["time"]))


def row(backup: Backup) -> str:
    """Describe a backup in a line."""
    about = backup.about
    end = ", finished" if about.get("finished") else ""
    size = f"{backup.size / 1e6:.1f} MB"
    return f"{backup.name}  {place(about)} of {about['epochs']}{end}  {size}  {when(about)}"
