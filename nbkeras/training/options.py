"""The options of `nbkeras.fitting` and ``%%fit``, checked as soon as they are given."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union

from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from datetime import timedelta

StrPath = Union[str, "os.PathLike[str]"]

# What Keras's ModelCheckpoint accepts for whole models on both lines.
CHECKPOINT_SUFFIXES = (".keras", ".h5")


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """How early stopping was asked for; ``metric`` None means the default one."""

    patience: int
    metric: str | None = None


@dataclass(frozen=True, slots=True)
class FitOptions:
    """The options of one armed cell, valid and in one form each."""

    name: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    early_stopping: EarlyStopping | None = None
    restore_best: bool = True
    checkpoint: str | None = None
    tensorboard: str | None = None
    csv: str | None = None
    max_time: float | None = None
    quiet: bool = False


def fit_options(
    *,
    name: str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    early_stopping: int | str | tuple[str, int] | None = None,
    restore_best: bool = True,
    checkpoint: StrPath | None = None,
    tensorboard: StrPath | None = None,
    csv: StrPath | None = None,
    max_time: str | float | timedelta | None = None,
    quiet: bool = False,
) -> FitOptions:
    """Check the options and bring each into one form.

    Raises:
        Refusal: for the first option that cannot be meant; nothing has happened by then.
    """
    return FitOptions(
        name=name,
        epochs=None if epochs is None else positive_int(epochs, option="epochs"),
        batch_size=None if batch_size is None else positive_int(batch_size, option="batch_size"),
        early_stopping=None if early_stopping is None else parse_early_stopping(early_stopping),
        restore_best=restore_best,
        checkpoint=None if checkpoint is None else _checkpoint_path(checkpoint),
        tensorboard=None if tensorboard is None else _tensorboard(tensorboard),
        csv=None if csv is None else _file(csv, option="csv"),
        max_time=None if max_time is None else parse_duration(max_time, option="max_time"),
        quiet=quiet,
    )


def positive_int(value: object, *, option: str, least: int = 1) -> int:
    """Return a whole number of at least ``least``.

    Raises:
        Refusal: when it is none.
    """
    try:
        number = int(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or number < least:
        text = f"{option}: expected a whole number of {least} or more, received {value!r}: give  10, say"
        raise Refusal(text)
    return number


def parse_early_stopping(value: int | str | tuple[str, int]) -> EarlyStopping:
    """Read ``3``, ``"val_loss:3"`` or ``("val_loss", 3)``.

    Raises:
        Refusal: when the patience is no whole number of 0 or more.
    """
    metric: str | None = None
    patience: object = value
    if isinstance(value, tuple):
        metric, patience = value
    elif isinstance(value, str) and ":" in value:
        metric, _, patience = value.rpartition(":")
    try:
        return EarlyStopping(positive_int(patience, option="early_stopping", least=0), metric or None)
    except Refusal:
        text = (
            "early_stopping: expected [METRIC:]PATIENCE with a patience of 0 or more epochs, "
            f"received {value!r}: give  3  or  val_accuracy:5"
        )
        raise Refusal(text) from None


def _checkpoint_path(path: StrPath) -> str:
    text = _file(path, option="checkpoint")
    if not text.endswith(CHECKPOINT_SUFFIXES):
        name = Path(text).stem or "best"
        refusal = f"checkpoint: expected a file that ends in .keras, received {text!r}: give  {name}.keras"
        raise Refusal(refusal)
    return text


def _tensorboard(path: StrPath) -> str:
    # TensorFlow no longer brings it, and Keras's callback fails only at the end of the first epoch.
    if importlib.util.find_spec("tensorboard") is None:
        refusal = (
            "tensorboard: expected the package tensorboard, received none: type  %pip install tensorboard"
        )
        raise Refusal(refusal)
    return _directory(path, option="tensorboard")


def _file(path: StrPath, *, option: str) -> str:
    text = os.fspath(path)
    file = Path(text).expanduser()
    if file.is_dir():
        refusal = f"{option}: expected a file, received the directory {text!r}: give a file in it"
        raise Refusal(refusal)
    _writable(file.parent, text, option)
    if file.exists() and not os.access(file, os.W_OK):
        refusal = f"{option}: expected a file that can be written, received {text!r}: give another path"
        raise Refusal(refusal)
    return str(file)


def _directory(path: StrPath, *, option: str) -> str:
    text = os.fspath(path)
    directory = Path(text).expanduser()
    if directory.exists() and not directory.is_dir():
        refusal = f"{option}: expected a directory, received the file {text!r}: give a directory"
        raise Refusal(refusal)
    _writable(directory, text, option)
    return str(directory)


def _writable(directory: Path, given: str, option: str) -> None:
    # What does not exist yet is made by Keras; what matters is the first parent that does.
    existing = directory
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        refusal = f"{option}: expected a place that can be written, received {given!r}: give another path"
        raise Refusal(refusal)
