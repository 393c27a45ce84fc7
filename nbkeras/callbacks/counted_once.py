"""Lets metrics count a batch once that each replica of a strategy has taken whole."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runtime.keras_lines import active_line, keras_module
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.runtime.keras_lines import Line


class CountedOnceHooks:
    """A callback that belongs to the data of `nbkeras.data.whole_batches.whole_for_each`.

    Each replica has metrics of its own, which add up what its batches give and are summed when they are read.
    A batch that all have taken whole is in all of them. What it has added stays with the first replica, and
    the others get back what they had before it. Only a mean of one number for each step keeps all: there a
    step counts as many times as there are replicas, whatever it has taken.

    Args:
        length: batches of an epoch.
        share: samples that a replica takes of any other batch.
        every: whether all batches are such ones. Default False: the last one of an epoch.
    """

    model: Any

    def __init__(self, length: int, share: int, *, every: bool = False) -> None:
        """Note which batches are such ones."""
        super().__init__()
        self._last = length - 1
        self._share = share
        self._every = every
        self._begins = False
        self._by_step: frozenset[int] = frozenset()
        self._before: dict[int, Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Refuse metrics that can't be counted so.

        Raises:
            Refusal: for one that all replicas add to.
        """
        del logs
        # Keras 3 has those of compile in one.
        inner = (each for metric in self.model.metrics for each in getattr(metric, "metrics", (metric,)))
        for metric in inner:
            if any(not _parts(_held(variable)) for variable in metric.variables):
                raise Refusal(
                    "pad: expected metrics that were made under the strategy, received "
                    f"{metric.name!r}, which was made outside of it: make it in the cell of the model"
                )

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Note what the metrics of the other replicas have before such a batch."""
        del logs
        self._begins = batch == 0
        if self._every or batch == self._last:
            self._before = {id(part): part.numpy() for part in self._others()}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Give it back to them after it."""
        del batch
        if self._before is None:
            if self._begins and self._share > 1:
                # After one step, a metric that counts samples has counted more than one.
                self._by_step = frozenset(id(each) for each in self.model.metrics if _counted_one(each))
            return
        for part in self._others():
            # Of a metric that the batch itself has made there was nothing.
            part.assign(self._before.get(id(part), np.zeros(part.shape, part.dtype.as_numpy_dtype)))
        self._before = None
        if isinstance(logs, dict):
            now = self.model.get_metrics_result()
            numbers = [name for name, value in logs.items() if isinstance(value, (float, np.floating))]
            logs.update({name: float(now[name]) for name in numbers if name in now})

    def get_state(self) -> dict[str, list[int]]:
        """Return which of the model's metrics count steps, for a backup in the midst of an epoch."""
        metrics = enumerate(self.model.metrics)
        return {"by_step": [place for place, each in metrics if id(each) in self._by_step]}

    def set_state(self, state: dict[str, list[int]]) -> None:
        """Know again which of them do: that shows in an epoch's first step alone."""
        metrics = list(self.model.metrics)
        self._by_step = frozenset(id(metrics[place]) for place in state["by_step"])

    def _others(self) -> Iterator[Any]:
        """Give the parts of metrics that are on replicas of this process other than the first of all."""
        for metric in self.model.metrics:
            for variable in () if id(metric) in self._by_step else metric.variables:
                held = _held(variable)
                yield from _parts(held)[int(_is_first(held)) :]


def _counted_one(metric: Any) -> bool:
    """Tell whether a mean has counted one on a replica."""
    parts = _parts(_held(getattr(metric, "count", None)))
    return bool(parts) and float(parts[0].numpy()) == 1.0


def _held(variable: Any) -> Any:
    # Keras 3's variable holds TensorFlow's.
    return getattr(variable, "_value", variable)


def _parts(held: Any) -> tuple[Any, ...]:
    """Return what each replica of this process has of a variable that is summed when it is read."""
    is_summed = any(cls.__name__ == "SyncOnReadVariable" for cls in type(held).__mro__)
    return tuple(held.values) if is_summed else ()


def _is_first(held: Any) -> bool:
    """Tell whether the first replica of a variable's strategy is in this process."""
    resolver = getattr(getattr(held, "distribute_strategy", None), "cluster_resolver", None)
    return resolver is None or not resolver.task_id


@functools.lru_cache(maxsize=2)
def counted_once_class(line: Line | None = None) -> type[Any]:
    """Return the callback of one Keras line, the active one by default."""
    base = keras_module(line or active_line()).callbacks.Callback
    return type("CountedOnce", (CountedOnceHooks, base), {"__module__": "nbkeras"})
