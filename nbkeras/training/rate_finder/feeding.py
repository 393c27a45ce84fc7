"""Batches for a test training, from data of every form that ``fit`` takes, without moving them."""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.list_hooks import do_nothing
from nbkeras.callbacks.backup.sources import is_arrays, is_dataset, is_sequence, orders_of
from nbkeras.callbacks.model_facts import overrides
from nbkeras.data.copied import copied, goes_on
from nbkeras.data.ordered import ordered_batches
from nbkeras.data.repeated import repeated
from nbkeras.data.tensors import LeftToKeras, leaves
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.calls import DEFAULT_BATCH_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.runtime.keras_lines import Line


@dataclass(frozen=True, slots=True)
class Feed:
    """What gives a ``fit`` its batches.

    Attributes:
        arguments: of the ``fit``.
        notes: what is to be said of it.
        end: to be called behind the ``fit``: nothing is read of a PyDataset from then on.
    """

    arguments: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    end: Callable[[], None] = do_nothing


def fed(data: tuple[Any, Any, Any], size: int | None, steps: int, line: Line, *, name: str) -> Feed:
    """Return what gives a ``fit`` so many batches.

    Arrays are shuffled, always in the same order. A dataset is read through a copy of its pipeline, so that
    its shuffles stay where they are. Of a PyDataset, batches are asked for by their number.

    Args:
        data: inputs, targets and weights, as ``fit`` is given them.
        size: samples in a batch of arrays; None for Keras's 32.
        steps: how many batches; what has fewer is read again.
        line: the Keras line whose types arrays get.
        name: of the function that asks, for refusals.

    Raises:
        Refusal: for generators, of which every batch is read once, and for what is no data.
    """
    x, y, weights = data
    if x is None:
        raise Refusal(f"{name}: expected inputs, received none: type  %{name} model x y")
    if hasattr(x, "__next__"):
        raise Refusal(
            f"{name}: expected data that can be read again, received a {type(x).__name__}, whose batches "
            "fit would miss afterwards: give arrays, a tf.data.Dataset or a PyDataset"
        )
    if not is_arrays(x):
        given = next(
            (
                key
                for key, value in zip(("y", "sample_weight"), (y, weights), strict=True)
                if value is not None
            ),
            "",
        )
        if given or size is not None:
            raise Refusal(
                f"{name}: expected nothing beside data that come in batches, received "
                f"{given or f'batch_size={size}'}: leave it out"
            )
    else:
        _check_counts(x, y, weights, name)
    if is_dataset(x):
        batches, notes = _again(x)
        return Feed(_steps(repeated(batches, deterministic=True), steps), notes)
    if is_sequence(x):
        numbered = _Numbered(x)
        return Feed(_steps(numbered.batches(), steps), end=numbered.end)
    size = size or DEFAULT_BATCH_SIZE
    try:
        batches = ordered_batches(x, y, weights, batch_size=size, seed=0, line=line)
    except LeftToKeras:
        count = next((len(each) for each in leaves(x) if hasattr(each, "__len__")), 0) or 1
        epochs = math.ceil(steps / math.ceil(count / size))
        return Feed({"x": x, "y": y, "sample_weight": weights, "batch_size": size, "epochs": epochs})
    return Feed(_steps(batches.repeat(), steps))


def _steps(batches: Any, steps: int) -> dict[str, Any]:
    return {"x": batches, "steps_per_epoch": steps, "shuffle": False}


def check_targets(model: Any, x: Any, y: Any, *, name: str) -> None:
    """Refuse arrays without targets for a model whose loss compares with them.

    Raises:
        Refusal: then.
    """
    takes_them = getattr(model, "loss", None) and not overrides(model, "train_step")
    if y is None and x is not None and is_arrays(x) and takes_them:
        raise Refusal(
            f"{name}: expected targets for the loss of {model.name!r}, received none: type  %{name} model x y"
        )


def _check_counts(x: Any, y: Any, weights: Any, name: str) -> None:
    shapes = [tuple(getattr(each, "shape", ())) for each in leaves((x, y, weights))]
    counts = [int(shape[0]) for shape in shapes if shape]
    if len(set(counts)) > 1 or 0 in counts:
        found = " and ".join(map(str, dict.fromkeys(counts)))
        raise Refusal(
            f"{name}: expected arrays of as many samples each, one at least, received {found}: see their  "
            ".shape"
        )


def _again(dataset: Any) -> tuple[Any, list[str]]:
    if not goes_on(dataset):
        return dataset, []
    try:
        return copied(dataset), []
    except Exception as error:  # noqa: BLE001 - what can't be copied is read, and said
        if not orders_of(dataset):
            return dataset, []
        why = f"{type(error).__name__}: its pipeline can't be copied"
        return dataset, [f"the dataset was read once, and shuffles on from there ({why})"]


class _Numbered:
    """The batches of a PyDataset by their numbers, again and again.

    Keras reads them ahead in a thread, which goes on for a while after ``fit`` has returned.
    """

    def __init__(self, sequence: Any) -> None:
        self._sequence, self._lock, self._ended = sequence, threading.Lock(), False

    def batches(self) -> Iterator[Any]:
        count = getattr(self._sequence, "num_batches", None)
        count = len(self._sequence) if count is None else count
        numbers: Any = range(count) if count else (0,)
        for number in itertools.cycle(numbers):
            with self._lock:
                if self._ended:
                    return
                batch = self._sequence[number]
            yield batch

    def end(self) -> None:
        with self._lock:
            self._ended = True
