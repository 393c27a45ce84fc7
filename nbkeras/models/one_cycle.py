"""`one_cycle`: a learning rate that rises to its highest and falls to nearly nothing within one training."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from nbkeras.models.checked_numbers import counted, positive, share
from nbkeras.runtime.keras_lines import active_line, keras_module

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line


def one_cycle(
    max_rate: float,
    epochs: int,
    steps_per_epoch: int,
    *,
    rising: float = 0.25,
    start_divisor: float = 25.0,
    end_divisor: float = 1e5,
    line: Line | None = None,
) -> Any:
    """Return a learning-rate schedule that goes through one cycle in a training: up, then far down.

    The rate follows half a cosine from ``max_rate / start_divisor`` to ``max_rate``, and another one down to
    ``max_rate / end_divisor``. After the last step it stays. It is a schedule of Keras's for any optimizer,
    saved and loaded with it.

    Example:
        >>> import nbkeras
        >>> rate = nbkeras.one_cycle(0.1, epochs=4, steps_per_epoch=25)
        >>> [f"{float(rate(step)):.4f}" for step in (0, 25, 62, 100)]
        ['0.0040', '0.1000', '0.0510', '0.0000']

    Args:
        max_rate: the highest rate, such as `nbkeras.lr_find` suggests.
        epochs: of the training.
        steps_per_epoch: batches in an epoch.
        rising: the share of all steps in which the rate rises. Default 0.25.
        start_divisor: how many times the first rate is below the highest. Default 25.0.
        end_divisor: how many times the last rate is below the highest. Default 1e5.
        line: the Keras line whose schedule it is; by default the active one.

    Returns:
        A ``LearningRateSchedule``, for ``keras.optimizers.Adam(learning_rate=…)``.

    Raises:
        Refusal: for numbers out of range.

    Source:
        Smith, A disciplined approach to neural network hyper-parameters: Part 1 (2018); the two cosines and
        the defaults are those of fastai's ``fit_one_cycle``. The cycle of momentum there is left out: Keras
        3.15 and tf_keras 2.21 make a constant of momentum when they trace a step.
    """
    steps = counted(epochs, "epochs") * counted(steps_per_epoch, "steps_per_epoch")
    return one_cycle_class(line or active_line())(
        positive(max_rate, "max_rate"),
        steps,
        rising=share(rising, "rising"),
        start_divisor=positive(start_divisor, "start_divisor"),
        end_divisor=positive(end_divisor, "end_divisor"),
    )


class OneCycleMethods:
    """A learning rate that rises and falls once, as `one_cycle` makes it.

    Args:
        max_rate: the highest rate.
        steps: of the whole training.
        rising: the share of them in which it rises.
        start_divisor: how many times the first rate is below the highest.
        end_divisor: how many times the last one is.
        name: as of all schedules.
    """

    def __init__(
        self,
        max_rate: float,
        steps: int,
        rising: float = 0.25,
        start_divisor: float = 25.0,
        end_divisor: float = 1e5,
        name: str = "OneCycle",
    ) -> None:
        super().__init__()
        self.max_rate = max_rate
        self.steps = steps
        self.rising = rising
        self.start_divisor = start_divisor
        self.end_divisor = end_divisor
        self.name = name

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step, counted from 0."""
        import tensorflow as tf

        done = tf.minimum(tf.cast(tf.convert_to_tensor(step), tf.float32), float(self.steps))
        first = self.rising * self.steps
        up = _between(self.max_rate / self.start_divisor, self.max_rate, done / first)
        down = _between(
            self.max_rate, self.max_rate / self.end_divisor, (done - first) / (self.steps - first)
        )
        return tf.where(done < first, up, down)

    def get_config(self) -> dict[str, Any]:
        """Return the settings."""
        return {
            "max_rate": self.max_rate,
            "steps": self.steps,
            "rising": self.rising,
            "start_divisor": self.start_divisor,
            "end_divisor": self.end_divisor,
            "name": self.name,
        }


def _between(start: float, end: float, done: Any) -> Any:
    """Return the value on half a cosine from one number to another."""
    import tensorflow as tf

    return start + (end - start) * 0.5 * (1.0 - tf.cos(math.pi * done))


@functools.lru_cache(maxsize=2)
def one_cycle_class(line: Line | None = None) -> type[Any]:
    """Return the schedule's class for one Keras line, known to Keras by its name when models are loaded."""
    keras = keras_module(line or active_line())
    base = keras.optimizers.schedules.LearningRateSchedule
    members = {"__doc__": OneCycleMethods.__doc__, "__module__": "nbkeras"}
    made = type("OneCycle", (OneCycleMethods, base), members)
    registered: type[Any] = keras.saving.register_keras_serializable("nbkeras", "OneCycle")(made)
    return registered
