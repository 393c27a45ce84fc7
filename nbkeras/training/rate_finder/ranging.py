"""Trains a model for some batches while its learning rate rises."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.learning_rate import read_learning_rate
from nbkeras.models.weight_decay import leave_out_the_same
from nbkeras.reproducibility.model_state import has_begun
from nbkeras.runtime.keras_lines import active_line, keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.arming import not_armed
from nbkeras.training.custom_step.state import is_optimizer
from nbkeras.training.precision.measuring import quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.rate_finder.course import Course


def train(model: Any, arguments: Mapping[str, Any], course: Course) -> None:
    """Train on rising rates until the course has ended; the model stays as it is then.

    Keras's own ``fit`` does it, with a copy of the optimizer, so that losses, weights of samples, steps of
    one's own, strategies and precision are what they are in a training.

    Args:
        model: a compiled model with weights, whose state the caller puts back.
        arguments: of ``fit``, that give it batches.
        course: the rates, to which the losses are added.

    Raises:
        Refusal: for an optimizer that can't be copied or is not the one that trains, and a step without loss.
    """
    line: Line = line_of(model) or active_line()
    optimizer = _copy(model, course.planned[0])
    # Without going through __setattr__, in which Keras notes what belongs to a model.
    vars(model).update(optimizer=optimizer, train_function=None)
    one_step_at_a_time(model)
    begun = _steps(optimizer)
    with not_armed(model), quiet():
        keras_module(line).Model.fit(
            model, **arguments, verbose=0, callbacks=[_callback_class(line)(course, optimizer)]
        )
    if course.losses and _steps(optimizer) == begun and not hasattr(optimizer, "inner_optimizer"):
        raise Refusal(
            f"lr_find: expected a train_step that trains with self.optimizer, received one of "
            f"{type(model).__name__} that does not: compile the model with the optimizer that it uses"
        )


class RangeHooks:
    """Sets the rate before each batch, and takes its loss.

    Args:
        course: the rates, and where the losses go.
        optimizer: whose rate is set.
    """

    # Keras 3: hooks run in the training's own thread.
    async_safe = False

    def __init__(self, course: Course, optimizer: Any) -> None:
        super().__init__()
        self._course = course
        self._optimizer = optimizer

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Begin the mean of the loss anew, and set the rate."""
        self.model.reset_metrics()  # type: ignore[attr-defined]  # Keras's base class brings it
        self._optimizer.learning_rate = self._course.next_rate

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Take the loss of the batch."""
        loss = (logs or {}).get("loss")
        if loss is None:
            received = ", ".join(logs or {}) or "nothing"
            raise Refusal(
                f"lr_find: expected a train_step that returns a loss, received {received}: return it as  "
                '{"loss": …}'
            )
        if not self._course.add(float(loss)):
            self.model.stop_training = True  # type: ignore[attr-defined]


@functools.lru_cache(maxsize=2)
def _callback_class(line: Line) -> type[Any]:
    base = keras_module(line).callbacks.Callback
    return type("RangeTest", (RangeHooks, base), {"__module__": __name__})


def check_optimizer(model: Any) -> None:
    """Refuse a model whose optimizer has no one learning rate.

    Raises:
        Refusal: as it says.
    """
    inside = [value for value in vars(model).values() if is_optimizer(value)]
    kinds = [type(each).__name__ for each in {id(each): each for each in inside}.values()]
    if len(kinds) != 1:
        raise Refusal(
            f"lr_find: expected a model with one optimizer, received {model.name!r} with "
            f"{' and '.join(kinds) or 'none'}: test its parts one by one"
        )
    if hasattr(model.optimizer, "optimizers") or read_learning_rate(model.optimizer) is None:
        raise Refusal(
            f"lr_find: expected an optimizer with one learning rate, received {kinds[0]}: compile the model "
            "with  keras.optimizers.Adam()  for the test, or with  nbkeras.layer_rates(…)"
        )


def _copy(model: Any, rate: float) -> Any:
    """Return an optimizer like the model's, as far as it has come, with a rate that can be set."""
    optimizer = model.optimizer
    begun = has_begun(getattr(optimizer, "inner_optimizer", optimizer))
    try:
        with model.distribute_strategy.scope():
            made = type(optimizer).from_config(_with_rate(optimizer.get_config(), rate))
            leave_out_the_same(
                getattr(made, "inner_optimizer", made), getattr(optimizer, "inner_optimizer", optimizer)
            )
            if begun:
                made.build(model.trainable_variables)
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        first = str(error).strip().partition("\n")[0][:120]
        raise Refusal(
            f"lr_find: expected an optimizer that its configuration makes again, received "
            f"{type(optimizer).__name__} ({first}): give it a get_config"
        ) from error
    if begun:
        for mine, its in zip(_variables(made), _variables(optimizer), strict=True):
            mine.assign(its)
    return made


def _steps(optimizer: Any) -> int:
    # What MirroredStrategy makes has no int() of its own.
    return int(optimizer.iterations.numpy())


def _with_rate(config: dict[str, Any], rate: float) -> dict[str, Any]:
    """Return an optimizer's configuration with a rate; it may have the one that has the rate inside."""
    config = dict(config)
    if "inner_optimizer" in config:
        inner = dict(config["inner_optimizer"])
        return {**config, "inner_optimizer": {**inner, "config": _with_rate(inner["config"], rate)}}
    return {**config, "learning_rate": rate}


def _variables(optimizer: Any) -> list[Any]:
    # A rate is a variable where it is no schedule, and a method gives them in tf_keras's older optimizers.
    held = optimizer.variables
    every = held() if callable(held) and not isinstance(held, list) else held
    return [each for each in every if "learning_rate" not in str(getattr(each, "path", each.name))]


def one_step_at_a_time(model: Any) -> None:
    """Let callbacks hear of every batch, also where several are made in one go."""
    import tensorflow as tf

    if line_of(model) == "keras":
        vars(model)["steps_per_execution"] = 1
    elif getattr(model, "_steps_per_execution", None) is not None:
        vars(model)["_steps_per_execution"] = tf.Variable(1, dtype=tf.int64)
