"""The callbacks that a user gives to all stages of a fine-tuning."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.callback_lists import members_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# By the name of their class or of one that it is made from: what is meant for one fit, and what does it here.
_FOR_ONE_FIT = {
    "MonitorHooks": "leave it out: fine_tune has one for all stages",
    "ExactBackupHooks": "give  backup='backups'  to fine_tune in its place",
    "BackupAndRestore": "give  backup='backups'  to fine_tune in its place",
    "GradualUnfreezingHooks": "leave it out: the stages freeze and thaw",
}


def checked_callbacks(callbacks: Any) -> list[Any]:
    """Return callbacks as one flat list.

    Raises:
        Refusal: for one that is meant for one ``fit``, and would undo what the stages do.
    """
    members = members_of(callbacks)
    for each in members:
        kind = next((name for name in _names(each) if name in _FOR_ONE_FIT), None)
        if kind is not None:
            raise Refusal(
                f"callbacks: expected those that are good for several fits, received {type(each).__name__}: "
                f"{_FOR_ONE_FIT[kind]}"
            )
    return members


@contextmanager
def whole_files(callbacks: list[Any]) -> Iterator[tuple[list[str], Callable[[], None]]]:
    """Let files that a callback begins anew in each ``fit`` hold all stages.

    Yields:
        What is to be said, and what is called when the first stage has begun its files.
    """
    held = [each for each in callbacks if "CSVLogger" in _names(each) and not each.append]
    headers = [each.append_header for each in held]

    def go_on() -> None:
        for each in held:
            each.append = True

    try:
        yield [f"CSVLogger goes on with {each.filename!r} in each stage, append=True" for each in held], go_on
    finally:
        for each, header in zip(held, headers, strict=True):
            each.append, each.append_header = False, header


def gave_up(callbacks: list[Any], history: Any) -> bool:
    """Tell whether ``TerminateOnNaN`` has ended a stage: its weights are good for no other one."""
    losses = history.history.get("loss") or [0.0]
    watches = any("TerminateOnNaN" in _names(each) for each in callbacks)
    return watches and not math.isfinite(losses[-1])


def _names(callback: Any) -> list[str]:
    return [kind.__name__ for kind in type(callback).__mro__]
