"""Training steps of two models in turn, each for a short time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import keras_module, line_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# So many runs of each model, in turn; with fewer than the least nothing is said to be faster.
ROUNDS = 9
LEAST = 3
_LONGEST_RUN = 0.3
_MOST_STEPS = 1000

clock = time.perf_counter


@dataclass(frozen=True, slots=True)
class Times:
    """What some models take.

    Attributes:
        seconds: of one step, by name: one number for each run.
        steps: in each run.
    """

    seconds: dict[str, list[float]]
    steps: int

    def of(self, name: str) -> float:
        """Return the median of the seconds of one step."""
        return median(self.seconds[name])

    @property
    def rounds(self) -> int:
        """Runs of each."""
        return min(len(each) for each in self.seconds.values())


class Steps:
    """The training steps of one model on one batch."""

    def __init__(self, model: Any, batch: Any) -> None:
        """Trace the step: the first ones of a model take longer than all others."""
        import tensorflow as tf

        batches = tf.data.Dataset.from_tensors(batch).repeat()
        self._batches = iter(model.distribute_strategy.experimental_distribute_dataset(batches))
        if line_of(model) == "tf_keras":
            self._step = model.make_train_function()
        else:
            # Keras 3 builds losses and optimizers ahead of the first step, and here alone does so in public.
            x, y, weights = keras_module("keras").utils.unpack_x_y_sample_weight(batch)
            model.train_on_batch(x, y, sample_weight=weights)
            self._step = model.train_function
        self.run(2)

    def run(self, count: int) -> None:
        """Train some steps, and wait for the last one's numbers."""
        import tensorflow as tf

        logs: Any = {}
        for _ in range(count):
            logs = self._step(self._batches)
        for value in tf.nest.flatten(logs):
            getattr(value, "numpy", lambda: None)()


def in_turn(models: Mapping[str, Any], batch: Any, end: float) -> Times:
    """Measure the steps of some models, in turn, so that whatever else the machine does slows all down.

    Args:
        models: by name, compiled.
        batch: what each step trains on.
        end: what the clock says when no further run shall begin; one of each is made in any case.
    """
    runners = {name: Steps(model, batch) for name, model in models.items()}
    first = clock()
    for runner in runners.values():
        runner.run(1)
    now = clock()
    # All rounds are to have the time that is left.
    each = max(now - first, 1e-6) / len(runners)
    length = min(_LONGEST_RUN, max(end - now, 0.0) / (ROUNDS * len(runners)))
    steps = max(1, min(_MOST_STEPS, int(length / each)))
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    while not any(seconds.values()) or (len(next(iter(seconds.values()))) < ROUNDS and clock() < end):
        for name, runner in runners.items():
            began = clock()
            runner.run(steps)
            seconds[name].append((clock() - began) / steps)
    return Times(seconds, steps)
