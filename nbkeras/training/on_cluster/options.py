"""The options of a cell that runs on all workers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from nbkeras.callbacks.backup.pacing import Every, parse_every
from nbkeras.devices.policy import here, policy_of, short_of
from nbkeras.runtime.durations import format_duration
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import FitOptions, fit_options, positive_int

# How often workers start anew by themselves, where nobody says.
RETRIES = 2


@dataclass(frozen=True, slots=True)
class CellOptions:
    """The options of one cell, valid.

    Attributes:
        fit: as `nbkeras.fitting` has them.
        given: the same as they were given, for the workers.
        retries: how often the workers may start anew by themselves.
    """

    fit: FitOptions
    given: dict[str, Any]
    retries: int

    def again(self) -> dict[str, Any]:
        """Return what workers are given that go on with the cell: they delete no backups."""
        return {name: value for name, value in self.given.items() if name != "restart"}


def cell_options(*, retries: int | None = None, **values: Any) -> CellOptions:
    """Check the options of a cell.

    Args:
        retries: how often the workers may start anew by themselves. Default None: 2 with a backup, else 0.
        **values: of `nbkeras.fitting`; None is not given.

    Raises:
        Refusal: for the first one that cannot be meant.
    """
    # Plain values, which go to the workers as they are written.
    given = {
        name: os.fspath(value) if isinstance(value, os.PathLike) else value
        for name, value in values.items()
        if value is not None and name != "strategy"
    }
    if given.get("backup") is not None:
        given.setdefault("every", "epoch")
    _choose_precision(given)
    fit = fit_options(**given)
    if fit.backup is None:
        if retries:
            raise Refusal(
                f"retries: expected a directory from whose backups the cell goes on, received {retries} "
                "without one: give  --backup DIR"
            )
        return CellOptions(fit, given, 0)
    refuse_times(fit.every)
    again = RETRIES if retries is None else positive_int(retries, option="retries", least=0)
    return CellOptions(fit, given, again)


def _choose_precision(given: dict[str, Any]) -> None:
    """Let all workers have the format of this machine: theirs may be good at others."""
    word = given.get("mixed_precision")
    _refuse_measuring(word)
    if word == "on":
        given["mixed_precision"] = short_of(policy_of(word, here()))


def _refuse_measuring(mixed_precision: str | None) -> None:
    if mixed_precision == "auto":
        raise Refusal(
            "mixed_precision: expected on, off or a format, because each worker would measure for itself, "
            "received auto: give  on"
        )


def refuse_in_blocks(options: FitOptions, *, served: bool, apart: bool) -> None:
    """Refuse what a block of a cell (`nbkeras.fitting`, `nbkeras.fine_tune`) can't have on workers.

    Args:
        options: of the block.
        served: whether parameter servers keep the weights.
        apart: whether the workers may be on hosts of their own.

    Raises:
        Refusal: for the first one that it can't.
    """
    if options.strategy is not None:
        raise Refusal(
            f"strategy: expected none on workers, which train under one together, received "
            f"{options.strategy!r}: leave it out"
        )
    if served:
        refuse_on_servers(options)
        return
    if options.max_time is not None:
        limit = format_duration(options.max_time)
        raise Refusal(
            "max_time: expected none in a block, because workers that each look at a clock of their own stop "
            f"at different steps and wait for ever, received {limit}: give  %%cluster --max-time {limit}"
        )
    _refuse_measuring(options.mixed_precision)
    if options.backup is not None:
        refuse_times(options.every)
    if apart:
        _refuse_apart(options)


def _refuse_apart(options: FitOptions) -> None:
    if options.mixed_precision == "on":
        raise Refusal(
            "mixed_precision: expected off or a format in a block, because hosts may be good at others, "
            "received on: give  bfloat16"
        )
    if options.backup is not None:
        raise Refusal(
            "backup: expected none in a block on other hosts, which may not share the folder, received "
            f"{options.backup!r}: give  %%cluster --backup {options.backup}"
        )


def refuse_times(every: Any) -> None:
    """Refuse backups by time: each worker has a clock of its own, and they read their variables together.

    Raises:
        Refusal: for a time.
    """
    parsed = every if isinstance(every, Every) else parse_every(every)
    if parsed.seconds is not None:
        raise Refusal(
            f"every: expected epoch or a number of steps, because all workers back up after the same step, "
            f"received {format_duration(parsed.seconds)}: give  epoch"
        )


def refuse_on_servers(options: FitOptions) -> None:
    """Refuse what workers and parameter servers can't do.

    Raises:
        Refusal: for exact backups, and for uneven batches that are to go to each replica.
    """
    if options.pad:
        raise Refusal(
            "pad: expected none on a cluster with parameter servers, whose workers take whole batches, "
            "received it: leave it out"
        )
    if options.backup is not None:
        raise Refusal(
            "backup: expected none on a cluster with parameter servers, whose steps wait for no other and "
            f"can't be gone on with exactly, received {options.backup!r}: write  "
            "keras.callbacks.BackupAndRestore  into the cell"
        )
