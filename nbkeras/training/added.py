"""The Keras callbacks that options ask for: as objects, as a note, and as plain code.

All three come from one description, so that ``--code`` cannot drift from what is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runs.metrics import direction, group
from nbkeras.runtime.keras_lines import keras_module

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.runs.vocabulary import Direction
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.options import FitOptions


@dataclass(frozen=True, slots=True)
class AddedCallback:
    """One of Keras's own callbacks, with its arguments."""

    option: str
    name: str
    arguments: dict[str, Any]
    kept: str | None = None
    """The file of the cell's first fit, where this one takes another."""

    def build(self, line: Line) -> Any:
        """Make the callback for one Keras line."""
        return getattr(keras_module(line).callbacks, self.name)(**self.arguments)

    @property
    def code(self) -> str:
        """The expression that makes it, with Keras's own names."""
        arguments = ", ".join(f"{key}={_literal(value)}" for key, value in self.arguments.items())
        return f"keras.callbacks.{self.name}({arguments})"

    @property
    def note(self) -> str:
        """What is said above the monitor."""
        arguments = ", ".join(f"{key}={_literal(value)}" for key, value in self.arguments.items())
        other = "" if self.kept is None else f", {self.kept} keeps what an earlier fit of the cell wrote"
        return f"{self.name}({arguments}) by --{self.option}{other}"


def added_callbacks(
    options: FitOptions,
    *,
    run: str,
    number: int = 1,
    has_validation: bool,
    directions: Mapping[str, Direction] | None = None,
) -> list[AddedCallback]:
    """Describe the callbacks that the options ask for, in the order in which Keras shall call them.

    Args:
        options: what was asked for.
        run: the id of the run, for TensorBoard's directory.
        number: which fit of its cell this is, from 1: each writes files of its own.
        has_validation: whether there will be ``val_…`` metrics.
        directions: which way is better, for metrics that say so themselves.
    """
    stopping = options.early_stopping
    metric = watched_metric(options, has_validation=has_validation)
    # Said outright: tf_keras guesses by the name and minimises val_f1, val_precision and their like, and
    # Keras 3 fails after the first epoch where it cannot tell.
    mode = (directions or {}).get(group(metric)) or direction(metric)
    added = []
    arguments: dict[str, Any]
    if options.checkpoint is not None:
        file, kept = _own_file(options.checkpoint, number)
        arguments = {"filepath": file, "monitor": metric, "mode": mode, "save_best_only": True}
        added.append(AddedCallback("checkpoint", "ModelCheckpoint", arguments, kept))
    if options.tensorboard is not None:
        # A directory for each run: TensorBoard mixes the curves of runs that share one.
        arguments = {"log_dir": str(Path(options.tensorboard) / run)}
        added.append(AddedCallback("tensorboard", "TensorBoard", arguments))
    if options.csv is not None:
        file, kept = _own_file(options.csv, number)
        added.append(AddedCallback("csv", "CSVLogger", {"filename": file}, kept))
    if stopping is not None:
        arguments = {
            "monitor": metric,
            "patience": stopping.patience,
            "mode": mode,
            "restore_best_weights": options.restore_best,
        }
        added.append(AddedCallback("early-stopping", "EarlyStopping", arguments))
    return added


def watched_metric(options: FitOptions, *, has_validation: bool) -> str:
    """Return the metric that early stopping and the checkpoint go by."""
    stopping = options.early_stopping
    default = "val_loss" if has_validation else "loss"
    return (stopping.metric if stopping is not None else None) or default


def _own_file(path: str, number: int) -> tuple[str, str | None]:
    """Return the file of one fit of a cell, with the first one's where it is another: best-2.keras."""
    if number == 1:
        return path, None
    file = Path(path)
    return str(file.with_name(f"{file.stem}-{number}{file.suffix}")), path


def _literal(value: object) -> str:
    return (
        '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else repr(value)
    )
