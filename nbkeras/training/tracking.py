"""`nbkeras.track`: bars, metrics, stop and pause for a training loop that one writes by hand."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nbkeras.callbacks.interrupt import count_here
from nbkeras.callbacks.model_facts import optimizer_facts
from nbkeras.callbacks.plan import Plan
from nbkeras.callbacks.recorder import Recorder, scalars
from nbkeras.runtime.frontend import in_ipython
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.options import positive_int

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nbkeras.runs.run import Run

Batch = TypeVar("Batch")


class track(Generic[Batch]):  # noqa: N801 - used as a function, like tqdm
    """Show a hand-written training loop live: iterate over it for epochs, over each epoch for batches.

    The monitor is the one of ``fit``, its buttons too: after a stop the loops simply end. Metrics are
    Keras metric objects, which are read when the monitor looks (not at every batch), kept at the end of
    each epoch and reset at the start of the next; other values are given with ``epoch.log(…)``.

    Example:
        >>> import numpy as np, keras, tensorflow as tf, nbkeras
        >>> model, optimizer = keras.Sequential([keras.layers.Dense(1)]), keras.optimizers.SGD()
        >>> data = tf.data.Dataset.from_tensor_slices((np.ones((8, 1)), np.ones((8, 1)))).batch(4)
        >>> loss = keras.metrics.Mean(name="loss")
        >>> for epoch in nbkeras.track(data, epochs=2, metrics=[loss], optimizer=optimizer):
        ...     for x, y in epoch:
        ...         with tf.GradientTape() as tape:
        ...             error = tf.reduce_mean((model(x, training=True) - y) ** 2)
        ...         gradients = tape.gradient(error, model.trainable_variables)
        ...         optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        ...         loss.update_state(error)
        >>> float(loss.result()) >= 0
        True

    Args:
        dataset: what yields the batches of one epoch; it is iterated anew for each epoch, so a generator
            object (which ends once) is refused when there is more than one epoch.
        epochs: how often to go through the dataset. Default 1.
        metrics: Keras metrics to show, by default none: a list, one metric, or a mapping of names to them.
        steps: batches per epoch, after which an epoch ends, for data that never end; by default what
            ``len(dataset)`` says, else unknown.
        name: name of the run. Default "loop".
        optimizer: the optimizer whose learning rate is shown and can be set, by default none.
        view: show the run while it goes on. Default True; False records it only.

    Raises:
        Refusal: for epochs or steps below 1, data that cannot be iterated, a generator with several epochs,
            or metrics that are none of Keras's.
    """

    def __init__(
        self,
        dataset: Iterable[Batch],
        epochs: int = 1,
        metrics: Any = (),
        *,
        steps: int | None = None,
        name: str = "loop",
        optimizer: Any = None,
        view: bool = True,
    ) -> None:
        self.epochs = positive_int(epochs, option="epochs")
        if not (hasattr(dataset, "__iter__") or hasattr(dataset, "__getitem__")):
            text = (
                f"track: expected data to iterate over, received {dataset!r}: give a list, "
                "a tf.data.Dataset or range(100)"
            )
            raise Refusal(text)
        if self.epochs > 1 and hasattr(dataset, "__next__"):
            text = (
                f"track: expected data that can be read {epochs} times, received a {type(dataset).__name__} "
                "that ends once: give a list, a tf.data.Dataset, or epochs=1"
            )
            raise Refusal(text)
        self.dataset = dataset
        self.limit = None if steps is None else positive_int(steps, option="steps")
        self.steps = _length(dataset) if self.limit is None else self.limit
        self._metrics = _by_name(metrics)
        self._optimizer = optimizer
        self._plan = Plan(kind="loop", name=name, epochs=self.epochs, view=view)
        self.stopped = False
        self.run: Run | None = None

    def __iter__(self) -> Iterator[Epoch[Batch]]:
        """Begin the run and yield its epochs."""
        self._plan.parameters = {"epochs": self.epochs}
        self._plan.interrupts = count_here()
        if self._optimizer is not None:
            self._plan.parameters |= optimizer_facts(self._optimizer)
        recorder = Recorder(
            self._plan,
            stop=self._stop,
            optimizer=self._optimizer,
            steps=self.steps,
            # The loop's own frame: this generator is off the stack while the loop's body runs.
            host=sys._getframe(1),  # noqa: SLF001 - CPython's documented way to a frame
        )
        self.run = recorder.run
        self.stopped = False
        try:
            for number in range(1, self.epochs + 1):
                epoch = Epoch(self, recorder, number)
                yield epoch
                epoch.end()
                if self.stopped:
                    break
        except GeneratorExit:
            # The loop was left, by break or by an error, and Python does not tell which. Under IPython
            # the end of the cell knows, and closes the run.
            if not in_ipython():
                recorder.fail(None)
            raise
        recorder.end_as_asked()

    def read(self) -> dict[str, float]:
        """Return the metrics as they stand."""
        return scalars({name: metric.result() for name, metric in self._metrics.items()})

    def reset(self) -> None:
        """Reset the metrics, as Keras does at the start of an epoch."""
        for metric in self._metrics.values():
            metric.reset_state()

    def _stop(self) -> None:
        self.stopped = True


class Epoch(Generic[Batch]):
    """One epoch of a tracked loop: iterate over it for its batches."""

    def __init__(self, owner: track[Batch], recorder: Recorder, number: int) -> None:
        """Begin the epoch ``number``, counted from 1."""
        self.number = number
        self._owner = owner
        self._recorder = recorder
        self._logged: dict[str, Any] = {}
        owner.reset()
        recorder.epoch_begin(number)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches; end early when a stop was asked for."""
        logs = _LazyLogs(self)
        for step, batch in enumerate(self._owner.dataset, start=1):
            yield batch
            self._recorder.step_end(step, logs)
            if self._owner.stopped or step == self._owner.limit:
                return

    def log(self, **values: Any) -> None:
        """Record values of this batch or, after the batches, of this epoch.

        Args:
            **values: numbers or scalar tensors by name.
        """
        self._logged.update(values)

    def read(self) -> dict[str, float]:
        """Return the metrics and the logged values as they stand."""
        logged = scalars(self._logged)
        for name, value in self._logged.items():
            if name not in logged and not isinstance(value, dict):
                received = _shown(value)
                self._recorder.run.add_note(f"{name} is not shown: expected a number, received {received}")
        return {**self._owner.read(), **logged}

    def end(self) -> None:
        """Close the epoch with the values that it has now."""
        self._recorder.epoch_end(self.number, self.read())


class _LazyLogs(dict[str, float]):
    """Logs that are read only when the recorder looks, on its ticks."""

    def __init__(self, epoch: Epoch[Any]) -> None:
        super().__init__()
        self._epoch = epoch

    def __bool__(self) -> bool:
        return True

    def items(self) -> Any:
        return self._epoch.read().items()


def _by_name(metrics: Any) -> dict[str, Any]:
    """Return metrics by name: of a mapping, of a list, or of one metric alone."""
    if hasattr(metrics, "items"):
        pairs = list(metrics.items())
    else:
        given = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        pairs = [(getattr(metric, "name", ""), metric) for metric in given]
    for name, metric in pairs:
        if not (hasattr(metric, "result") and hasattr(metric, "reset_state")):
            text = (
                f"metrics: expected Keras metrics, received {metric!r}: give  "
                "keras.metrics.Mean(name='loss')  or other values with epoch.log(loss=…)"
            )
            raise Refusal(text)
        if [other for other, _ in pairs].count(name) > 1:
            text = (
                f"metrics: expected a name for each metric, received {name!r} twice: "
                "make one with another name=…"
            )
            raise Refusal(text)
    return dict(pairs)


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ + ("" if shape is None else f" of shape {shape}")


def _length(dataset: Any) -> int | None:
    # A dataset of unknown or endless length refuses len().
    with contextlib.suppress(TypeError):
        return len(dataset)
    return None
