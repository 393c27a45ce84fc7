"""The course of a fine-tuning: its stages one after the other, in one run."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.plan import Plan
from nbkeras.callbacks.staged_monitor import staged_monitor_class
from nbkeras.models.unfreezing import set_trainable
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.arming import armed_last
from nbkeras.training.fine_tuning.callbacks import gave_up, whole_files
from nbkeras.training.fine_tuning.data import Data, stage_arguments
from nbkeras.training.fine_tuning.kept import Kept
from nbkeras.training.fine_tuning.result import FineTuning
from nbkeras.training.fine_tuning.so_far import stages_so_far
from nbkeras.training.fitting import armed
from nbkeras.training.options import OF_ONE_FIT, FitOptions, parse_early_stopping
from nbkeras.training.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.models.base_and_head import Parts
    from nbkeras.models.recompiling import Compiled
    from nbkeras.training.fine_tuning.before import Before
    from nbkeras.training.fine_tuning.plan import FineTuningPlan, PlannedStage


@dataclass(frozen=True, slots=True)
class Task:
    """A fine-tuning that is about to begin."""

    model: Any
    data: Data
    parts: Parts
    compiled: Compiled
    plan: FineTuningPlan
    options: FitOptions
    fit: dict[str, Any]
    before: Before


def train(task: Task) -> FineTuning:
    """Train the stages one after the other, as the fits of one armed cell."""
    options, model = task.options, task.model
    line = line_of(model) or active_line()
    so_far = stages_so_far(options, task.plan)
    whole, finished = so_far.whole, so_far.finished
    monitor = staged_monitor_class(line)(plan=Plan(name=options.name or "", view=not options.quiet))
    monitor.host, monitor.whole = sys._getframe(), whole  # noqa: SLF001 - CPython's documented way to a frame
    histories: list[Any] = []
    epoch = 0
    # The name is the monitor's own.
    of_stages = replace(options, name=None)
    current, kept = [of_stages], Kept(task.data)
    callbacks = task.fit.get("callbacks", [])
    unused = _unused(armed_last())
    with armed(options, lambda: current[0]) as session, whole_files(callbacks) as (said, go_on_with_files):
        monitor.said = (*unused, *said)
        task.before.hold()
        try:
            for planned_stage in task.plan.stages:
                number, stage = planned_stage.number, planned_stage.stage
                _begin_stage(task, planned_stage)
                stopping = (
                    None if stage.early_stopping is None else parse_early_stopping(stage.early_stopping)
                )
                current[0] = replace(of_stages, early_stopping=stopping)
                monitor.passes = number <= finished
                monitor.note = "" if planned_stage.thawed else task.plan.caching
                monitor.mark = "" if number <= so_far.begun else _mark(task.plan, planned_stage)
                monitor.epochs = epoch + sum(each.stage.epochs for each in task.plan.stages[number - 1 :])
                with _given(task, planned_stage, kept, session, passes=monitor.passes) as arguments:
                    history = model.fit(
                        **arguments,
                        **{**task.fit, "callbacks": [*callbacks, monitor]},
                        initial_epoch=epoch,
                        epochs=epoch + stage.epochs,
                    )
                go_on_with_files()
                histories.append(history)
                epoch = history.epoch[-1] + 1 if history.epoch else epoch
                if monitor.stopped or gave_up(callbacks, history):
                    break
            else:
                session.cell_ended()
        except BaseException as error:
            # Finished stages have given what they came to, at the most.
            is_refused = isinstance(error, Refusal) and len(histories) <= finished
            if is_refused or not monitor.get_state().get("done"):
                task.before.nothing_trained()
            else:
                task.before.trained()
            monitor.close(error)
            raise
        finally:
            kept.forget()
        task.before.trained()
        monitor.run.add_note(_left(task, len(histories)))
        monitor.finish()
    return FineTuning(model, task.plan, tuple(histories), monitor.run)


def _begin_stage(task: Task, planned_stage: PlannedStage) -> None:
    """Freeze, and compile with an optimizer that knows what trains now."""
    stage = planned_stage.stage
    set_trainable(task.model, task.parts, list(planned_stage.thawed), batch_norm=stage.batch_norm)
    task.compiled.compile_anew(stage.learning_rate, planned_stage.factors)


@contextmanager
def _given(
    task: Task, planned_stage: PlannedStage, kept: Kept, session: Session, *, passes: bool
) -> Iterator[dict[str, Any]]:
    """Give the arguments of a stage's ``fit`` that are its data."""
    data, line = task.data, line_of(task.model) or active_line()
    if planned_stage.kept is None:
        if planned_stage.thawed:
            # The base is about to be another one.
            kept.forget()
        yield stage_arguments(data, planned_stage.number, line, task.options.seed)
        return
    own = (data.x, data.y, data.sample_weight, data.validation_data)
    session.data = dict(zip(("x", "y", "sample_weight", "validation_data"), own, strict=True))
    try:
        with kept.stage(planned_stage.kept, computes=not passes) as arguments:
            yield arguments
    finally:
        session.data = None


def _mark(plan: FineTuningPlan, each: PlannedStage) -> str:
    layers = f"{each.layers} layer{'s' * (each.layers != 1)}"
    return (
        f"stage {each.number} of {len(plan.stages)}: {each.trains}, {layers}, "
        f"{each.parameters:,} parameters, rate {each.rate}"
    )


def _unused(outer: Any) -> list[str]:
    """Say which options of the cell around a fine-tuning do nothing in it."""
    if not isinstance(outer, Session):
        return []
    given, default = outer.options, FitOptions()
    names = [each for each in OF_ONE_FIT if getattr(given, each) != getattr(default, each)]
    options = ", ".join(f"--{each.replace('_', '-')}" for each in names)
    return [f"{options} of the cell not used: fine_tune has options of its own"] if names else []


def _left(task: Task, trained: int) -> str:
    """Say how the model is left."""
    stage = task.plan.stages[trained - 1]
    return (
        f"{task.model.name} stays as stage {stage.number} has left it: {stage.trains} trainable, compiled "
        f"with its own {task.compiled.kind}; .undo() brings back what it was before"
    )
