"""`Witness`: a Keras callback that writes down what a ``fit`` does, for a proof."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.fingerprint import optimizer_parts, seeds_of, weights_of
from nbkeras.reproducibility.proof.batches import note_batches
from nbkeras.reproducibility.proof.layers import random_layers
from nbkeras.reproducibility.proof.values import random_states
from nbkeras.reproducibility.stamp_flags import tensorflow_seed
from nbkeras.runtime.keras_lines import keras_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbkeras.reproducibility.proof.trace import Batch, Fit, Pairs, Value
    from nbkeras.runtime.keras_lines import Line

# The weights are looked at after each of the first steps, and then after steps 16, 32, 64, …
EACH = 8


class WitnessHooks:
    """Writes down initial weights, batches, losses, weights after steps, history; it changes nothing.

    Args:
        fit: what takes it down.
        variables: gives the notebook's variables as they are when the training begins.
    """

    # Keras 3: the weights after a step are to be seen before the next one.
    async_safe = False

    def __init__(self, fit: Fit, variables: Callable[[], dict[str, Value]]) -> None:
        super().__init__()
        self._fit = fit
        self._variables = variables
        self._ahead: list[Batch] = []
        self._base = 0
        self._done = 0

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Look at everything that the training begins with."""
        fit, model = self._fit, self.model  # type: ignore[attr-defined]
        fit.seed = tensorflow_seed()
        fit.random = random_states()
        fit.variables = self._variables()
        fit.weights = _pairs(weights_of(model))
        fit.seeds = _pairs(seeds_of(model))
        fit.optimizer = _pairs(optimizer_parts(getattr(model, "optimizer", None)))
        note_batches(sys._getframe(1), self._ahead)  # noqa: SLF001 - CPython's documented way to a frame

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Count on from the steps of the epochs before."""
        self._base = self._done

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note the loss, and the weights after some of the steps."""
        fit = self._fit
        steps = self._base + batch + 1 - self._done
        self._done += steps
        # Keras counts several steps at once with steps_per_execution.
        fit.losses += [float((logs or {}).get("loss", float("nan")))] * steps
        if self._done <= EACH or self._done & (self._done - 1) == 0:
            fit.marks[str(self._done)] = self._weights()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - Keras passes them
        """Note the epoch's metrics and weights."""
        self._fit.epochs.append(
            {name: float(value) for name, value in (logs or {}).items() if _is_number(value)}
        )
        self._fit.marks[str(self._done)] = self._weights()
        self._take_batches()

    def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Note the weights and the optimizer at the end."""
        model = self.model  # type: ignore[attr-defined]
        self._fit.layers = random_layers(model)
        self._take_batches()
        self._fit.final = [*self._weights(), *_pairs(optimizer_parts(getattr(model, "optimizer", None)))]

    def _take_batches(self) -> None:
        # The pipeline may have read ahead of a training that was stopped.
        self._fit.batches = self._ahead[: self._done]

    def _weights(self) -> Pairs:
        return _pairs(weights_of(self.model))  # type: ignore[attr-defined]


def _pairs(parts: Any) -> Pairs:
    return [(part.name, part.digest) for part in parts]


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


@functools.lru_cache(maxsize=2)
def witness_class(line: Line) -> type[Any]:
    """Return `Witness` as a callback of one Keras line."""
    base = keras_module(line).callbacks.Callback
    return type("Witness", (WitnessHooks, base), {"__doc__": WitnessHooks.__doc__, "__module__": "nbkeras"})
