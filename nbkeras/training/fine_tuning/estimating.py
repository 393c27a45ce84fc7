"""How long the stages of a fine-tuning take, from a few steps of each, of which nothing stays."""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.models.cached.in_place import on_rows
from nbkeras.models.unfreezing import Flags, set_trainable
from nbkeras.runtime.keras_lines import active_line, keras_module, line_of
from nbkeras.training.arming import not_armed
from nbkeras.training.fine_tuning.plan import about
from nbkeras.training.fine_tuning.sampling import Sample, sample_of
from nbkeras.training.precision.measuring import quiet
from nbkeras.training.rate_finder.ranging import one_step_at_a_time
from nbkeras.training.rate_finder.untouched import untouched

if TYPE_CHECKING:
    from nbkeras.models.base_and_head import Parts
    from nbkeras.models.cached.splitting import Split
    from nbkeras.models.recompiling import Compiled
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.fine_tuning.data import Data
    from nbkeras.training.fine_tuning.plan import FineTuningPlan, PlannedStage

# Seconds after which no further step of a stage begins; the first one, which traces, is not counted.
WITHIN = 2.0
_MOST, _SHARE = 10, 5
_ROWS = "rows"

clock = time.perf_counter


@dataclass(slots=True)
class Paces:
    """Seconds of the first step of a kind, which traces, and of each one after it."""

    times: list[float] = field(default_factory=list)

    def of(self, count: int) -> float:
        """Return the seconds of so many steps."""
        if not count or not self.times:
            return 0.0
        first, *rest = self.times
        return first + (count - 1) * (statistics.median(rest) if rest else first)

    @property
    def is_over(self) -> bool:
        """Whether the time for a measurement is over."""
        return len(self.times) > 1 and sum(self.times[1:]) >= WITHIN


def estimated(
    model: Any, parts: Parts, compiled: Compiled, plan: FineTuningPlan, data: Data
) -> FineTuningPlan:
    """Return a plan with the seconds of each stage, of which a few steps are made for it.

    Weights, optimizer, metrics, random numbers and the order of the data are afterwards as before, bit for
    bit, as after `nbkeras.lr_find`. At most ten steps, a fifth of the stage's or 2 s are made, whichever is
    least, and two in any case: the first one traces.

    Args:
        model: built and compiled.
        parts: its base and head.
        compiled: how it is compiled.
        plan: its stages.
        data: what they train on.
    """
    stages, held = [], False
    for each in plan.stages:
        seconds = _seconds(model, parts, compiled, each, data, held=held)
        held = each.kept is not None
        stages.append(replace(each, seconds=seconds))
    known = [each.seconds for each in stages if each.seconds is not None]
    note = "The data do not tell how many steps there are, so no time is known."
    if len(known) == len(stages):
        note = f"About {about(sum(known))} in all, by a few steps of each stage, which have changed nothing."
    return replace(plan, stages=tuple(stages), notes=(note, *plan.notes), timed=True)


def _seconds(
    model: Any, parts: Parts, compiled: Compiled, each: PlannedStage, data: Data, *, held: bool
) -> float | None:
    if each.updates is None or data.held_out_steps is None:
        return None
    steps = max(2, min(_MOST, each.updates // _SHARE))
    sample = sample_of(data, steps, line_of(model) or active_line())
    flags = Flags(model)
    with untouched(model, data.x, data.validation_data, sample.batches):
        try:
            set_trainable(model, parts, list(each.thawed), batch_norm=each.stage.batch_norm)
            # Not as Keras sets an attribute, which would track it.
            optimizer = compiled.new_optimizer(each.stage.learning_rate, each.factors)
            vars(model).update(optimizer=optimizer, train_function=None, test_function=None)
            # tf_keras's fit goes back to the flags of the last compile, Keras 3 warns where there are others.
            flagged = {layer: layer.trainable for layer in model._flatten_layers()}  # noqa: SLF001 - no public name
            vars(model).update(_compiled_trainable_state=flagged)
            one_step_at_a_time(model)
            return _measured(model, each, data, sample, held=held)
        finally:
            sample.end()
            flags.restore()


def _measured(model: Any, each: PlannedStage, data: Data, sample: Sample, *, held: bool) -> float:
    epochs, updates, held_out = each.stage.epochs, each.updates or 0, data.held_out_steps or 0
    if each.kept is None:
        training, testing = _fitted(model, sample.fit_arguments())
        return training.of(updates) + testing.of(held_out * epochs)
    base = Paces() if held else _computed(each.kept, sample)
    with on_rows(each.kept, {_ROWS: None}):
        training, testing = _fitted(model, sample.row_arguments(_ROWS))
    return base.of(updates // epochs + held_out) + training.of(updates) + testing.of(held_out * epochs)


def _computed(parts: Split, sample: Sample) -> Paces:
    """Return the pace of a base's outputs."""
    import tensorflow as tf

    outputs = tf.function(lambda x: parts.base(x, training=False), reduce_retracing=True)
    paces, batches = Paces(), iter(sample.batches)
    began = clock()
    for batch in itertools.islice(batches, sample.steps):
        np.asarray(outputs(batch[0] if isinstance(batch, tuple) else batch))
        now = clock()
        paces.times.append(now - began)
        began = now
        if paces.is_over:
            break
    return paces


def _fitted(model: Any, arguments: dict[str, Any]) -> tuple[Paces, Paces]:
    """Return the paces of training and of validation."""
    line = line_of(model) or active_line()
    watch = _watch_class(line)()
    with not_armed(model), quiet():
        keras_module(line).Model.fit(model, **arguments, verbose=0, callbacks=[watch])
    return watch.training, watch.testing


class WatchHooks:
    """Takes the time of each step, and ends the training when it is over."""

    # Keras 3: hooks run in the training's own thread.
    async_safe = False

    def __init__(self) -> None:
        super().__init__()
        self.training, self.testing = Paces(), Paces()
        self._began = 0.0

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Begin."""
        self._began = clock()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Begin, behind the training."""
        self._began = clock()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Take the time."""
        self._take(self.training, logs)
        if self.training.is_over:
            self.model.stop_training = True  # type: ignore[attr-defined]  # Keras's base class brings it

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Take the time."""
        self._take(self.testing, logs)

    def _take(self, paces: Paces, logs: Any) -> None:
        for value in (logs or {}).values():
            # A step is done when its numbers are there.
            np.asarray(value)
        now = clock()
        paces.times.append(now - self._began)
        self._began = now


@functools.lru_cache(maxsize=2)
def _watch_class(line: Line) -> type[Any]:
    base = keras_module(line).callbacks.Callback
    return type("Watch", (WatchHooks, base), {"__module__": __name__})
