"""The end that Keras makes of an epoch that was cut short: whoever keeps whole epochs does not see it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.list_hooks import do_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What they have written cannot be taken back, and the resumed training may never write there again.
_KEEPERS = {"ModelCheckpoint", "OrbaxCheckpoint"}


@contextmanager
def hidden_from_checkpoints(callbacks: Iterable[Any]) -> Iterator[list[str]]:
    """Let callbacks that save the model at epochs' ends hear of none inside of the ``with``.

    CSVLogger and TensorBoard do: their files are given back as they were at the backup.

    Args:
        callbacks: those of the list.

    Yields:
        The names of those that hear nothing.
    """
    keepers = [each for each in callbacks if _keeps_epochs(each)]
    own = [vars(each).get("on_epoch_end") for each in keepers]
    for each in keepers:
        each.on_epoch_end = do_nothing
    try:
        yield list(dict.fromkeys(type(each).__name__ for each in keepers))
    finally:
        for each, hook in zip(keepers, own, strict=True):
            if hook is None:
                del each.on_epoch_end
            else:
                each.on_epoch_end = hook


def _keeps_epochs(callback: Any) -> bool:
    names = {cls.__name__ for cls in type(callback).__mro__}
    return bool(names & _KEEPERS) and getattr(callback, "save_freq", None) == "epoch"
