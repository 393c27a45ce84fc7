"""Files that callbacks write: each worker its own, or all would write one file at a time.

Rank 0 writes where the cell says. The others write, too, because on tf_keras the workers take part in
saving together; what they write goes with the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.exact import ExactBackupHooks
from nbkeras.training.on_cluster.options import refuse_times
from nbkeras.training.on_cluster.saving import moved

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Where Keras's callbacks keep what they were given, on both lines.
PLACES = {
    "ModelCheckpoint": "filepath",
    "CSVLogger": "filename",
    "TensorBoard": "log_dir",
    "BackupAndRestore": "backup_dir",
}


def write_elsewhere(callbacks: Iterable[Any], folder: Path) -> None:
    """Let callbacks write into a folder of this worker, under the names that they were given."""
    for callback in callbacks:
        for kind in type(callback).__mro__:
            place = PLACES.get(kind.__name__)
            if place is not None and hasattr(callback, place):
                _move(callback, place, folder)


def back_up_together(callbacks: Iterable[Any], *, writes: bool) -> None:
    """Let `nbkeras.ExactBackup`s of a list back up on all workers after the same step, where one writes.

    Raises:
        Refusal: for backups by time.
    """
    for callback in callbacks:
        if isinstance(callback, ExactBackupHooks):
            refuse_times(callback.every)
            if not writes:
                callback.only_read()


def _move(callback: Any, place: str, folder: Path) -> None:
    setattr(callback, place, str(moved(getattr(callback, place), folder)))
