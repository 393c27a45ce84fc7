"""The options of `nbkeras.fitting` and ``%%fit``, checked as soon as they are given."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from datetime import timedelta
from numbers import Integral, Real
from pathlib import Path

from nbkeras.callbacks.backup.directories import has_own_name
from nbkeras.callbacks.backup.pacing import DEFAULT as DEFAULT_EVERY
from nbkeras.callbacks.backup.pacing import parse_every
from nbkeras.devices.policy import checked_word
from nbkeras.devices.strategies import checked_kind
from nbkeras.reproducibility.seeding import checked_seed
from nbkeras.runtime.durations import parse_duration
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.paths import output_directory, output_file

StrPath = str | os.PathLike[str]

# What Keras's ModelCheckpoint accepts for whole models on both lines.
CHECKPOINT_SUFFIXES = (".keras", ".h5")


# Options that concern a call of fit, and not all models of a cell.
OF_ONE_FIT = (
    "epochs",
    "batch_size",
    "early_stopping",
    "checkpoint",
    "tensorboard",
    "csv",
    "max_time",
    "backup",
)


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
    seed: int | None = None
    backup: str | None = None
    every: str | int | timedelta = DEFAULT_EVERY
    restart: bool = False
    reuse: bool = False
    strategy: str | None = None
    mixed_precision: str | None = None
    pad: bool = False


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
    seed: int | None = None,
    backup: StrPath | None = None,
    every: str | int | timedelta | None = None,
    restart: bool = False,
    reuse: bool = False,
    strategy: str | None = None,
    mixed_precision: str | None = None,
    pad: bool = False,
) -> FitOptions:
    """Check the options and bring each into one form.

    Raises:
        Refusal: for the first option that cannot be meant; nothing has happened by then.
    """
    return FitOptions(
        name=None if name is None else _name(name),
        epochs=None if epochs is None else positive_int(epochs, option="epochs"),
        batch_size=None if batch_size is None else positive_int(batch_size, option="batch_size"),
        early_stopping=None if early_stopping is None else parse_early_stopping(early_stopping),
        restore_best=restore_best,
        checkpoint=None if checkpoint is None else _checkpoint_path(checkpoint),
        tensorboard=None if tensorboard is None else _tensorboard(tensorboard),
        # CSVLogger makes no folder: it fails when the training has begun.
        csv=None if csv is None else output_file(csv, option="csv", makes_folders=False),
        max_time=None if max_time is None else _max_time(max_time),
        quiet=quiet,
        seed=None if seed is None else checked_seed(seed, option="seed"),
        backup=_backup(backup, every, restart=restart, reuse=reuse),
        every=DEFAULT_EVERY if every is None else every,
        restart=restart,
        reuse=reuse,
        strategy=None if strategy is None else checked_kind(strategy),
        mixed_precision=_precision(mixed_precision, backup=backup, seed=seed),
        pad=pad,
    )


def positive_int(value: object, *, option: str, least: int = 1) -> int:
    """Return a whole number of at least ``least``.

    Raises:
        Refusal: when it is none.
    """
    try:
        number = None if isinstance(value, bool) or not isinstance(value, (Integral, str)) else int(value)
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
    if isinstance(value, tuple) and [type(each) for each in value[:-1]] == [str]:
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
    # ModelCheckpoint makes the folders that are missing, on both lines.
    text = output_file(path, option="checkpoint", makes_folders=True)
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
    return output_directory(path, option="tensorboard")


def _backup(
    path: StrPath | None, every: str | int | timedelta | None, *, restart: bool, reuse: bool
) -> str | None:
    if path is None:
        for option, given in (("every", every is not None), ("restart", restart), ("reuse", reuse)):
            if given:
                raise Refusal(
                    f"{option}: expected a directory for the backups, received none: give  --backup DIR"
                )
        return None
    if restart and reuse:
        raise Refusal("reuse: expected no --restart beside it, received both: give one of them")
    if every is not None:
        parse_every(every)
    directory = output_directory(path, option="backup")
    if not has_own_name(directory):
        # Each further fit of the cell has one beside it, of the same name with a number.
        raise Refusal(
            f"backup: expected a directory for the backups alone, received {str(path)!r}: give  backups"
        )
    return directory


def _precision(word: str | None, *, backup: StrPath | None, seed: int | None) -> str | None:
    given = "--backup" if backup is not None else "--seed" if seed is not None else ""
    if word == "auto" and given:
        # A clock decides it, so that the cell run again may make another model.
        raise Refusal(
            f"mixed_precision: expected on, off or a format beside {given}, received auto, which may choose "
            "otherwise the next time: give  on"
        )
    return None if word is None else checked_word(word)


def _max_time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (str, Real, timedelta)):
        text = f"max_time: expected a time such as 90s, 10m or 1h30m, received {value!r}: give  '10m'"
        raise Refusal(text)
    return parse_duration(float(value) if isinstance(value, Real) else value, option="max_time")


def _name(value: object) -> str:
    if not isinstance(value, str):
        text = f"name: expected a text, received {value!r}: give  {str(value)!r}"
        raise Refusal(text)
    return value
