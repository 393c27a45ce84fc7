"""Lets workers make the steps of Keras's own ``fit``, ``evaluate`` and ``predict``, under parameter servers.

Keras asks a model's ``train_function`` for each step and makes one where there is none. The one that is
given here takes the next batch and schedules the step; whichever worker is free makes it. Some steps are
under way at a time, so the function returns what an earlier one has told. The metrics of an epoch are read
when all of its steps are done.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Steps under way for each worker: one that it makes, one that it takes next.
AHEAD = 2
# Seconds between two looks for a value that has to be made again.
_LOOK = 0.05


class Steps:
    """A ``train_function`` or ``test_function`` whose steps are made by workers."""

    def __init__(self, step: Callable[[Any], Any], strategy: Any, ahead: int) -> None:
        """Take what a worker does with a batch.

        Args:
            step: given a batch, returns metrics by name.
            strategy: the strategy that has the workers.
            ahead: how many steps may be under way at a time.
        """
        import tensorflow as tf

        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
        self._function = _on_worker(step, strategy)
        self._ahead = ahead
        self._under_way: deque[Any] = deque()
        self._told: Any = None

    def __call__(self, iterator: Any) -> Any:
        """Give the next batch to a worker; return what the last step that is known to be done has told."""
        self._under_way.append(self._coordinator.schedule(self._function, args=(next(iterator),)))
        while len(self._under_way) > (self._ahead if self._told else 0):
            self._told = _fetched(self._under_way.popleft(), self._coordinator)
        return self._told

    def forget(self) -> None:
        """Begin anew: what was under way is done, or will not be asked for, and has told of another call."""
        self._under_way.clear()
        self._told = None


@contextmanager
def steps_by_workers(model: Any, strategy: Any, workers: int) -> Iterator[None]:
    """Let workers make the steps of a model's calls.

    Args:
        model: a model that was made in the strategy's scope.
        strategy: a strategy with parameter servers.
        workers: how many workers there are.
    """
    import tensorflow as tf

    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)

    def get_metrics_result() -> Any:
        # A step asks, too, while it is being traced.
        if tf.executing_eagerly():
            coordinator.join()
        return type(model).get_metrics_result(model)

    # Those of an earlier call are still good, unless ``compile`` has taken them off.
    for name in ("train", "test"):
        if not isinstance(getattr(model, f"{name}_function", None), Steps):
            step = _counted(model, getattr(model, f"{name}_step"))
            setattr(model, f"{name}_function", Steps(step, strategy, AHEAD * workers))
    model.predict_function = _predictions(model, strategy)
    model.get_metrics_result = get_metrics_result
    try:
        yield
    finally:
        # An error of a step that nobody has asked for would be raised by the next call.
        with suppress(Exception):
            coordinator.join()
        for name in ("train", "test"):
            getattr(model, f"{name}_function").forget()
        model.predict_function = None
        del model.get_metrics_result


def _on_worker(step: Callable[[Any], Any], strategy: Any) -> Any:
    import tensorflow as tf

    def made(batch: Any) -> Any:
        return strategy.run(step, args=(batch,))

    return tf.function(made, reduce_retracing=True)


def _predictions(model: Any, strategy: Any) -> Callable[[Any], Any]:
    import tensorflow as tf

    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    function = _on_worker(model.predict_step, strategy)

    def predict(batches: Any) -> Any:
        # Keras 3 gives a list of one batch, tf_keras an iterator.
        (batch,) = batches if isinstance(batches, list) else (next(batches),)
        outputs = _fetched(coordinator.schedule(function, args=(batch,)), coordinator)
        return tf.nest.map_structure(tf.convert_to_tensor, outputs)

    return predict


def _fetched(remote: Any, coordinator: Any) -> Any:
    """Return the value of a scheduled function, also when the worker that has made it ends meanwhile."""
    import tensorflow as tf

    errors = tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError
    pause = threading.Event()
    while True:
        try:
            return remote.fetch()
        except errors:  # noqa: PERF203 - a step takes far longer
            # TensorFlow 2.21 gives a value out before it has left the worker; another worker makes it
            # again. Where none can, ``done`` raises what has happened.
            if coordinator.done():
                raise
            pause.wait(_LOOK)


def _counted(model: Any, step: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a step that adds to the metrics and to the count of steps, whoever else does at that time.

    Keras 3.15 reads them, adds and writes them back, and so loses what another worker adds meanwhile:
    measured with 2 workers, 493 of 600 steps were counted. tf_keras adds on the parameter server.
    """
    if line_of(model) == "tf_keras":
        return step
    import keras
    import tensorflow as tf

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def counted(batch: Any) -> Any:
        # Of data without targets or weights, say.
        batch = keras.tree.map_structure(
            lambda each: None if isinstance(each, tf.experimental.Optional) else each, batch
        )
        optimizer = model.optimizer
        counts = [*model.metrics_variables, *([] if optimizer is None else [optimizer.iterations])]
        added = list({id(each): each for each in counts}.values())
        before = [tf.identity(each.value) for each in added]
        with keras.StatelessScope(state_mapping=list(zip(added, before, strict=True))) as scope:
            told = step(batch)
        for variable, old in zip(added, before, strict=True):
            variable.value.assign_add(scope.get_current_value(variable) - old)
        known = {id(each) for each in added}
        for variable in [*model.variables, *([] if optimizer is None else optimizer.variables)]:
            new = scope.get_current_value(variable)
            if new is not None and id(variable) not in known:
                variable.assign(new)
        return told

    return counted  # type: ignore[no-any-return]
