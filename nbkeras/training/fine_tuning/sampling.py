"""A few batches of the data of a fine-tuning, read so that the data stay where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.training.calls import DEFAULT_BATCH_SIZE
from nbkeras.training.fine_tuning.data import augmenting, rows_of, split_at
from nbkeras.training.rate_finder.feeding import fed
from nbkeras.training.seeded import part

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.fine_tuning.data import Data
    from nbkeras.training.rate_finder.feeding import Feed

# Batches of validation data; the first one traces.
_FEW = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """A few batches.

    Attributes:
        arguments: of ``fit``, for data to train on.
        held_out: likewise, for data to validate on; empty for none.
        steps: how many batches are trained on.
        end: to be called behind a ``fit``: nothing is read of a PyDataset from then on.
    """

    arguments: dict[str, Any]
    held_out: dict[str, Any]
    steps: int
    end: Callable[[], None]

    @property
    def batches(self) -> Any:
        """What gives the batches."""
        return self.arguments["x"]

    def fit_arguments(self) -> dict[str, Any]:
        """Return all arguments of ``fit``."""
        return {**self.arguments, **self._validation(self.held_out.get("x"))}

    def row_arguments(self, name: str) -> dict[str, Any]:
        """Return the arguments of a ``fit`` for which numbers of rows stand for inputs.

        Args:
            name: what the numbers come under, see `nbkeras.models.cached.in_place`.
        """
        held_out = _numbered(name, self.held_out["x"]) if self.held_out else None
        return {**self.arguments, "x": _numbered(name, self.batches), **self._validation(held_out)}

    def _validation(self, batches: Any) -> dict[str, Any]:
        return {"validation_data": batches, "validation_steps": _FEW} if self.held_out else {}


def sample_of(data: Data, steps: int, line: Line) -> Sample:
    """Return a few batches of data.

    Args:
        data: what the user gave.
        steps: how many are trained on.
        line: the Keras line.
    """
    size = data.batch_size or DEFAULT_BATCH_SIZE
    rows = rows_of(data.x)
    parts = (data.x, data.y, data.sample_weight)
    held_out: Any = data.validation_data
    if rows is not None:
        at = rows
        if held_out is None and data.validation_split:
            at = split_at(rows, data.validation_split)
            held_out = tuple(part(each, slice(at, rows)) for each in parts)
        parts = _few(parts, at, size)
    given = data.batch_size if rows is not None else None
    feed = fed(parts, given, steps, line, name="fine_tune")
    aside = None if held_out is None else _held_out(held_out, given, line)
    arguments = dict(feed.arguments)
    if data.augmentation is not None and "steps_per_epoch" in arguments:
        arguments["x"] = arguments["x"].map(augmenting(data.augmentation))

    def end() -> None:
        feed.end()
        if aside is not None:
            aside.end()

    return Sample(arguments, {} if aside is None else aside.arguments, steps, end)


def _held_out(held_out: Any, size: int | None, line: Line) -> Feed:
    parts = (held_out, None, None)
    if isinstance(held_out, (tuple, list)):
        parts = (*held_out, None, None)[:3]
        parts = _few(parts, rows_of(parts[0]) or 0, size or DEFAULT_BATCH_SIZE)
    else:
        size = None
    return fed(parts, size, _FEW, line, name="fine_tune")


def _few(parts: Any, rows: int, size: int) -> Any:
    """Return whole batches of arrays, of which all would be copied; a smaller one would be traced anew."""
    count = min(rows, _FEW * size)
    if count > size:
        count -= count % size
    return tuple(part(each, slice(0, count or None)) for each in parts)


def _numbered(name: str, batches: Any) -> Any:
    """Return the first batch again and again, with numbers in place of its inputs."""
    import tensorflow as tf

    first = next(iter(batches))
    inputs, *rest = first if isinstance(first, tuple) else (first,)
    count = tf.shape(tf.nest.flatten(inputs)[0])[0]
    numbers = {name: tf.range(count)}
    return tf.data.Dataset.from_tensors((numbers, *rest) if rest else numbers).repeat()
