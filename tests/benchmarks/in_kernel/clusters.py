"""Times trainings on the workers of a cluster, with the monitor and without."""

from __future__ import annotations

import os
import time
from typing import Any
from unittest import mock

import keras
from IPython.core.getipython import get_ipython

from tests.benchmarks.in_kernel import workload

# As a user would write it, but for `plain`, which takes nbkeras off the class of the model meanwhile.
_CELL = """
from contextlib import contextmanager
from nbkeras.training.arming import arm, disarm
from nbkeras.training.on_cluster import cells
from tests.benchmarks.in_kernel import clusters, workload

@contextmanager
def plain():
    (session,) = cells._sessions
    disarm(session)
    yield
    arm(session)

def seconds(model, data):
    timer = clusters.Timer(len(data[0]) // {batch})
    model.fit(*data, batch_size={batch}, shuffle=False, verbose=0, callbacks=[timer])
    return timer.seconds

trained = {{
    "small": (workload.small_model(), workload.data({small} * {workers})),
    "CNN": (clusters.cnn(), clusters.images({CNN} * {batch})),
}}
with plain():
    for each in trained.values():
        seconds(*each)
"""
_PAIR = """
times = {{}}
for monitored in {order}:
    if monitored:
        times[True] = seconds(*trained[{model!r}])
    else:
        with plain():
            times[False] = seconds(*trained[{model!r}])
"""
# Each worker computes in one thread, as one with a processor of its own would.
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


class Timer(keras.callbacks.Callback):
    """Measures a training from the end of its first tenth to its last step: before that, the run is opened.

    At its end iterators are left, which may wait up to a minute for `tf.data` where the strategy is not
    nbkeras's (see `nbkeras.devices.ended_iterators`).
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.seconds = 0.0
        self._first = steps // 10
        self._began = 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Begin with one of the first."""
        if batch == self._first:
            self._began = time.perf_counter()

    def on_train_end(self, logs: Any = None) -> None:
        """End."""
        self.seconds = time.perf_counter() - self._began


def cnn() -> Any:
    """Return a compiled model for images of 28 x 28 pixels in 10 classes."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, "relu"),
            layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


def images(count: int) -> tuple[Any, Any]:
    """Return noise of shape (count, 28, 28, 1) and labels of 10 classes."""
    import numpy as np

    chance = np.random.default_rng(1)
    return chance.normal(size=(count, 28, 28, 1)).astype("float32"), chance.integers(0, 10, count)


def started(workers: int, steps: dict[str, int]) -> float:
    """Start workers in the place of those before, and what they train; return the seconds of the start.

    Args:
        workers: how many.
        steps: of a training of each model, in batches of 32 samples for each worker.
    """
    shell = get_ipython()
    shell.run_line_magic("cluster", "stop")
    began = time.perf_counter()
    with mock.patch.dict(os.environ, _ONE_THREAD):
        shell.run_line_magic("cluster", f"start --workers {workers}")
    took = time.perf_counter() - began
    batch = workload.BATCH * workers
    shell.run_cell_magic("cluster", "", _CELL.format(batch=batch, workers=workers, **steps))
    return took


def timed(model: str, order: list[bool]) -> tuple[float, float]:
    """Train with and without the monitor, in this order; return rank 0's seconds without, and those with it.

    Args:
        model: the small one or the CNN.
        order: for each training whether it is monitored.
    """
    shell = get_ipython()
    shell.run_cell_magic("cluster", "", _PAIR.format(model=model, order=order))
    shell.run_line_magic("cluster", "get times")
    times = shell.user_ns["times"]
    return times[False], times[True]
