"""One trial after the other, as KerasTuner asks for them."""

from __future__ import annotations

import gc
import logging
import time
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.recorder import TICK
from nbkeras.runtime.durations import format_duration
from nbkeras.runtime.keras_lines import keras_module
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.tuning.fits import Orders, TrialFit, keep_shape
from nbkeras.training.tuning.probing import armed
from nbkeras.training.tuning.record import TrialRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nbkeras.callbacks.interrupt import InterruptCount
    from nbkeras.runs.run import Run
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.tuning.options import TuneOptions
    from nbkeras.training.tuning.probing import Trainer
    from nbkeras.training.tuning.project import Project
    from nbkeras.training.tuning.record import Search

# A monitor takes no time limit of 0 seconds.
_NO_TIME = 1e-3


class Trials:
    """Runs the trials of one search."""

    def __init__(
        self,
        search: Search,
        options: TuneOptions,
        trainer: Trainer,
        project: Project,
        *,
        line: Line,
        interrupts: InterruptCount,
        tell: Callable[[str], None],
    ) -> None:
        """Begin without a trial."""
        self.errors: list[Exception] = []
        """What the failed trials raised."""
        self.models: dict[str, Any] = {}
        """The model of the best trial of this session, by the trial's id."""
        self._search = search
        self._options = options
        self._trainer = trainer
        self._project = project
        self._line = line
        self._interrupts = interrupts
        self._tell = tell
        self._ticked = 0.0

    def recall(self) -> None:
        """Take over the trials of an earlier session."""
        oracle = self._search.tuner.oracle
        for number, id in enumerate(oracle.start_order, start=1):
            trial = oracle.get_trial(id)
            kept = self._project.trials.get(id)
            # What was under way when its kernel died runs again.
            if kept is not None and trial.status in {"COMPLETED", "FAILED"}:
                record = TrialRecord(number, id, dict(trial.hyperparameters.values), **kept)
                self._search.trials.append(record)
                self._note(record)

    def run(self, trial: Any) -> TrialRecord:
        """Run one trial, and return what came of it.

        Raises:
            Refusal: when there is no point in further trials.
        """
        record = self._begin(trial)
        fit = TrialFit(self._orders(trial, record))
        began = time.monotonic()
        try:
            clear_session(self._line)
            with armed(fit):
                self._trainer.run(trial.hyperparameters)
            if fit.model is None:
                text = "expected a trial that fits a model, received one whose values lead to no fit"
                raise Refusal(text)  # noqa: TRY301 - as those of the fit
        except Refusal as refusal:
            record.status, record.reason = "failed", str(refusal)
            raise
        except KeyboardInterrupt:
            record.status = "stopped"
            raise
        except Exception as error:  # noqa: BLE001 - a failed trial, whatever it was; the next one may go well
            record.status, record.reason = "failed", first_line(error)
            # Kept without what its trial had in hand, model and data, but for the last one.
            self.errors = [*(each.with_traceback(None) for each in self.errors), error]
        else:
            self._judge(record, fit)
        finally:
            record.seconds = time.monotonic() - began
            record.run = "" if fit.run is None else fit.run.id
            self._ended(record)
        return record

    def weights(self, id: str) -> Path:
        """Return the file of a trial's best weights."""
        return self._project.path / f"trial_{id}" / "checkpoint.weights.h5"

    def _begin(self, trial: Any) -> TrialRecord:
        search = self._search
        number = search.tuner.oracle.start_order.index(trial.trial_id) + 1
        record = TrialRecord(number, trial.trial_id, dict(trial.hyperparameters.values))
        search.trials.append(record)
        search.progress = None
        search.run.progress.epoch = number
        self._tell("on_trial")
        return record

    def _orders(self, trial: Any, record: TrialRecord) -> Orders:
        search = self._search
        values = trial.hyperparameters.values
        warm = values.get("tuner/trial_id")
        return Orders(
            name=f"{search.name} {record.number}",
            objective=search.objective,
            epochs=self._options.epochs,
            values=values,
            parameters={**record.searched, "search": search.run.id, "trial": record.number},
            weights=self.weights(trial.trial_id),
            warm=None if warm is None else self.weights(warm),
            seconds=self.time_left(),
            interrupts=self._interrupts,
            control=search.run.control,
            on_tick=self._on_tick,
        )

    def _judge(self, record: TrialRecord, fit: TrialFit) -> None:
        """Find the best epoch of a trial that has come to its end, and keep the best trial."""
        search = self._search
        objective = search.objective
        at = objective.best_epoch(fit.history)
        record.history = fit.history
        # A value that the tuner did not know before was first asked for in this trial.
        record.values |= search.tuner.oracle.get_trial(record.id).hyperparameters.values
        if at is not None:
            before = search.best
            record.value, record.epoch = fit.history[objective.name][at], fit.epochs[at]
            keep_shape(fit.model, self.weights(record.id))
            if before is None or objective.better(record.value, before.value or 0.0):
                self.models = {record.id: fit.model}
                self._trainer.keep()
        record.status = "stopped" if search.run.control.stopping else "failed" if at is None else "finished"
        if record.status == "failed":
            record.reason = f"{objective.name} was never a finite number"
            self.errors.append(ValueError(f"trial {record.number}: {record.reason}"))

    def _ended(self, record: TrialRecord) -> None:
        if record.status in {"failed", "finished"}:
            self._project.trials[record.id] = {
                "status": record.status,
                "value": record.value,
                "epoch": record.epoch,
                "seconds": record.seconds,
                "reason": record.reason,
                "run": record.run,
            }
            self._project.save()
        self._note(record)
        self._tell("on_trial")

    def _note(self, record: TrialRecord) -> None:
        """Write a trial into the search's own run: its epochs are the trials."""
        run = self._search.run
        if record.value is not None:
            run.record_epoch(record.number, {self._search.objective.name: record.value})
        run.progress.done = len(self._search.trials)
        run.progress.elapsed = time.monotonic() - self._search.began
        run.tick()

    def _on_tick(self, run: Run) -> None:
        self._search.progress = run.progress
        self._search.trials[-1].seconds = run.progress.elapsed
        now = time.monotonic()
        if now - self._ticked >= TICK:
            self._ticked = now
            self._tell("on_progress")

    def time_left(self) -> float | None:
        """Return the seconds that are left, None for no limit; at its end the search is to stop."""
        limit = self._options.max_time
        if limit is None:
            return None
        left = limit - (time.monotonic() - self._search.began)
        if left <= 0:
            self._search.run.control.stop(f"time limit of {format_duration(limit)}")
        return max(left, _NO_TIME)


def clear_session(line: Line) -> None:
    """Begin a trial in a clean session, as KerasTuner does: else the names of metrics count up.

    On Keras 3 that takes back the user's dtype policy, too (3.15: mixed_float16 became float32, and so it
    does under KerasTuner's own tuners); here it stays.
    """
    keras = keras_module(line)
    policy = keras.mixed_precision.global_policy()
    keras.backend.clear_session()
    gc.collect()
    keras.mixed_precision.set_global_policy(policy)


class NoRetracing(logging.Filter):
    """Drops TensorFlow's warning of functions that are traced again: each trial has a new model."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything else through."""
        return "triggered tf.function retracing" not in str(record.msg)


def first_line(error: BaseException) -> str:
    """Return an error in one line."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first[:200]}"
