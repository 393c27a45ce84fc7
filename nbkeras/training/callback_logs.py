"""What the callbacks of a ``fit`` add to the logs that early stopping reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

# Keras's own callbacks that add nothing. Any other may.
_ADD_NOTHING = {
    *("BackupAndRestore", "CSVLogger", "EarlyStopping", "History", "ModelCheckpoint", "OrbaxCheckpoint"),
    *("ProgbarLogger", "RemoteMonitor", "SwapEMAWeights", "TensorBoard", "TerminateOnNaN"),
}
_ADD_LEARNING_RATE = {"LearningRateScheduler", "ReduceLROnPlateau"}
_LEARNING_RATE = {"keras": "learning_rate", "tf_keras": "lr"}


def names_added_by(callbacks: Iterable[Any], optimizer: Any) -> list[str] | None:
    """Return the names that callbacks add to the logs of an epoch, None where they cannot be known."""
    names: dict[str, None] = {}
    for callback in callbacks:
        made = type(callback)
        package = made.__module__.partition(".")[0]
        if package == "nbkeras" or (package in _LEARNING_RATE and _adds_nothing(callback)):
            continue
        if package not in _LEARNING_RATE or made.__name__ not in _ADD_LEARNING_RATE:
            return None
        if hasattr(optimizer, "optimizers"):
            # Of several optimizers, Keras logs each rate under the optimizer's name.
            return None
        names[_LEARNING_RATE[package]] = None
    return list(names)


def _adds_nothing(callback: Any) -> bool:
    name = type(callback).__name__
    # A LambdaCallback calls what the user wrote; where epochs end, that may write into the logs.
    return name in _ADD_NOTHING or (name == "LambdaCallback" and "on_epoch_end" not in vars(callback))
