"""What a backup says of itself, and how it is said to people."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.by_hand import changed_by_hand
from nbkeras.callbacks.backup.identity import layers_of
from nbkeras.callbacks.backup.setting import other_setting

if TYPE_CHECKING:
    from nbkeras.callbacks.backup.store import Backup


def place(about: dict[str, Any]) -> str:
    """Say where a backup is in its training: ``epoch 4, step 120``."""
    epoch, step = about["position"]
    return f"epoch {epoch + 1}, step {step}" if step else f"the end of epoch {epoch}"


def is_over(about: dict[str, Any]) -> bool:
    """Tell whether a training is finished, and the cell that it stands in has come to its end, too."""
    return bool(about["finished"] and not about.get("cell_under_way", False))


def can_go_on(about: dict[str, Any], epochs: int) -> bool:
    """Tell whether a finished training goes on when it is given so many epochs."""
    # One that a callback has ended would be ended again.
    return bool(about["position"][0] >= about["epochs"] and epochs > about["position"][0])


def what_next(backup: Backup, folder: str, epochs: int, identity: dict[str, Any]) -> str:
    """Say what a training does that goes on from a backup.

    Args:
        backup: the backup.
        folder: where it is.
        epochs: what the coming ``fit`` is asked for.
        identity: of the coming training.
    """
    about = backup.about
    if about["finished"] and not can_go_on(about, epochs):
        why = ", but its cell is not" if about.get("cell_under_way") else ""
        return (
            f"finished after {about['position'][0]} epochs{why}: gives what it came to, from {backup.name} "
            f"in {folder!r}, and trains nothing;  --restart  trains anew"
        )
    began = about["identity"]["settings"]
    changed = changed_by_hand(about["settings"], began, identity["settings"])
    where = f"resumes at {place(about)} from {backup.name} in {folder!r}: the data are brought there without "
    return "; ".join([f"{where}training", *changed])


def not_exact(about: dict[str, Any], identity: dict[str, Any]) -> list[str]:
    """Say in what the process that made a backup differs from this one, where that decides bits."""
    return other_setting(about["identity"]["setting"], identity["setting"])


def when(about: dict[str, Any]) -> str:
    """Say when a backup was made, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(about["time"]))


def row(backup: Backup, *, damaged: bool) -> str:
    """Describe a backup in a line."""
    about = backup.about
    end = "  damaged" if damaged else f"  {_end(about)}" if about["finished"] else ""
    size = f"{backup.size / 1e6:.1f} MB"
    return f"{backup.name}  {place(about)} of {about['epochs']}  {size}  {when(about)}{end}"


def details(backup: Backup) -> list[str]:
    """Describe a backup and its training in some lines."""
    about = backup.about
    identity = about["identity"]
    optimizer, layers = identity["optimizer"]["is"], layers_of(identity)
    facts = {
        "backup": backup.name,
        "made": when(about),
        "goes on": _end(about) if about["finished"] else f"from {place(about)} of {about['epochs']} epochs",
        "steps": str(about["done"]),
        "model": f"{identity['model']} with {layers} layers, {optimizer}, {identity['loss']}",
        "data": about["data"]["x"],
        "seed of the order": about.get("data_seed"),
        "run": about.get("run"),
        "size": f"{backup.size / 1e6:.1f} MB",
    }
    return [f"{name:18} {fact}" for name, fact in facts.items() if fact is not None]


def _end(about: dict[str, Any]) -> str:
    return "finished" if is_over(about) else "finished, its cell is not"
