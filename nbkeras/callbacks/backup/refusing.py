"""The refusals of a backup that the coming ``fit`` cannot go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.about import can_go_on, is_over, place
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_OTHERS = {"BackupAndRestore", "ExactBackupHooks"}


def refuse_finished(folder: Path, about: dict[str, Any], epochs: int, *, passes: bool) -> None:
    """Refuse a training that has come to its end, or is further than it shall go.

    Args:
        folder: of the backups.
        about: what the backup says of itself.
        epochs: what the coming ``fit`` is asked for.
        passes: whether one that has come to its end may pass with what it came to.

    Raises:
        Refusal: then.
    """
    epoch, step = about["position"]
    needed = epoch + (step > 0)
    if epochs < needed:
        raise Refusal(
            f"backup: expected {needed} epochs or more, received {epochs}: the backup in {str(folder)!r} "
            f"is at {place(about)}: give  epochs={needed} , or begin anew with  --restart  (restart=True)"
        )
    if passes or not is_over(about) or can_go_on(about, epochs):
        return
    more = f", or give more epochs:  epochs={epoch + 10}" if can_go_on(about, epoch + 10) else ""
    raise Refusal(
        f"backup: expected a training to go on with, received one that is finished after {epoch} epochs in "
        f"{str(folder)!r}: begin anew with  --restart  (restart=True), take what it came to with  --reuse  "
        f"(reuse=True){more}"
    )


def refuse_difference(folder: Path, found: str) -> None:
    """Refuse another training than the backup's.

    Args:
        folder: of the backups.
        found: what differs, "" for nothing.

    Raises:
        Refusal: when something does.
    """
    if found:
        raise Refusal(
            f"backup: expected the training of {str(folder)!r}, received {found}: begin anew with  "
            "--restart  (restart=True), or give another directory"
        )


def refuse_other_backups(callbacks: Iterable[Any]) -> None:
    """Refuse another backup beside ours: Keras's would restore something else, and one of ours is enough.

    Raises:
        Refusal: when one is among the callbacks.
    """
    for callback in callbacks:
        if _OTHERS & {cls.__name__ for cls in type(callback).__mro__}:
            raise Refusal(
                f"backup: expected no other backup among the callbacks, received {type(callback).__name__}: "
                "take it out"
            )
