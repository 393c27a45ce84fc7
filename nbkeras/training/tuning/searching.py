"""The search itself: a probe, then trial after trial until the tuner, the user or the time says stop."""

from __future__ import annotations

import hashlib
import io
import logging
import sys
import time
import warnings
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.interrupt import GracefulInterrupt, InterruptCount
from nbkeras.runs import registry
from nbkeras.runtime import hardware
from nbkeras.runtime.keras_lines import active_line, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.tuning.fits import load
from nbkeras.training.tuning.objective import objective_of
from nbkeras.training.tuning.opening import openers
from nbkeras.training.tuning.oracles import kerastuner, oracle_of, planned_trials
from nbkeras.training.tuning.probing import first_probe, probe
from nbkeras.training.tuning.project import Project
from nbkeras.training.tuning.record import Search
from nbkeras.training.tuning.trials import NoRetracing, Trials, first_line
from nbkeras.training.tuning.tuner import tuner_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.runs.vocabulary import Status
    from nbkeras.training.calls import Call
    from nbkeras.training.tuning.objective import Objective
    from nbkeras.training.tuning.opening import SearchView
    from nbkeras.training.tuning.options import TuneOptions
    from nbkeras.training.tuning.probing import Trainer
    from nbkeras.training.tuning.record import TrialRecord

# Said above the trials: what a trial does that the code does not say.
NOTE = "each trial begins with keras.backend.clear_session() and keeps the weights of its best epoch"


class Searcher:
    """One search from its beginning to its end."""

    search: Search
    _trials: Trials

    def __init__(self, options: TuneOptions, trainer: Trainer) -> None:
        """Look at what is there.

        Raises:
            Refusal: for a missing package, or a search that is left over in the directory.
        """
        self._options = options
        self._trainer = trainer
        self._kerastuner = kerastuner(options.tuner)
        self._project = Project(options)
        self._interrupts = InterruptCount()
        self._views: list[SearchView] = []

    def go(self) -> Search:
        """Search, and return what came of it.

        Raises:
            Refusal: for what cannot go well, most of it before the first trial.
            Exception: what the last trial raised, when none has come to its end.
        """
        __tracebackhide__ = True
        try:
            space, call, failed = first_probe(self._trainer, self._kerastuner.HyperParameters)
            self._prepare(space, call)
        except Refusal:
            self._trainer.undo()
            raise
        search = self.search
        if failed is not None:
            search.notes.append(
                f"the first values fail ({first_line(failed)}): so may trials, which is noted"
            )
            search.run.add_note(search.notes[-1])
        self._tell("on_trial")
        interrupt = GracefulInterrupt(search.run.control, self._interrupts)
        interrupt.install(sys._getframe())  # noqa: SLF001 - CPython's documented way to a frame
        try:
            self._end(*self._search())
        except KeyboardInterrupt:
            self._end("interrupted", "interrupt")
            raise
        except BaseException as error:
            self._end("failed", str(error) if isinstance(error, Refusal) else first_line(error))
            raise
        finally:
            interrupt.remove()
            if search.best is None:
                # Nothing to go on with: the next search need not ask what to do with it.
                self._project.discard()
        return search

    def _prepare(self, space: Any, call: Call) -> None:
        options = self._options
        if not space.space:
            text = (
                'expected values to search, received none: write  lr = hp.Float("lr", 1e-4, 1e-1, '
                'sampling="log")  in the code, or give  --search "lr=1e-4..1e-1:log"  for a variable of it'
            )
            raise Refusal(text)
        objective = objective_of(options.objective, call)
        is_hyperband = options.tuner == "hyperband"
        said = call.get("epochs")
        epochs = (options.epochs or said) if is_hyperband else (said or options.epochs)
        if epochs is None and is_hyperband:
            text = (
                "epochs: expected the most epochs that hyperband may give a trial, received none: "
                "give  --epochs 30  (epochs=30)"
            )
            raise Refusal(text)
        epochs = int(epochs or 1)
        configs = space.get_config()["space"]
        facts = {
            "tuner": options.tuner,
            "objective": f"{objective.name}:{objective.direction}",
            "epochs": epochs,
            "seed": options.seed,
            "space": configs,
            "source": hashlib.sha256(self._trainer.source.encode()).hexdigest(),
        }
        notes = [NOTE, *self._project.begin(facts)]
        if said and options.epochs not in (None, epochs):
            notes.append(f"--epochs {options.epochs} counts for nothing: the fit itself says epochs={said}")
        tuner = self._make_tuner(space, objective, epochs)
        total = planned_trials(options.tuner, tuner.oracle.get_space(), trials=options.trials, epochs=epochs)
        parameters = {
            "tuner": options.tuner,
            "objective": facts["objective"],
            "searched": ", ".join(dict.fromkeys(each["config"]["name"] for each in configs)),
            "trials": total,
            "seed": tuner.oracle.seed,
            "directory": str(self._project.path),
        }
        run = registry.begin(
            "search", options.name, parameters, hardware.environment(), notes=notes, shown=False
        )
        run.directions = {objective.name: objective.direction}
        run.progress.epochs = total
        path = str(self._project.path)
        self.search = Search(options.name, options.tuner, objective, path, total, run, notes=notes)
        self.search.tuner = tuner
        self._trials = Trials(
            self.search,
            options,
            self._trainer,
            self._project,
            line=line_of(call.model) or active_line(),
            interrupts=self._interrupts,
            tell=self._tell,
        )
        self._trials.recall()
        for opener in () if options.quiet else tuple(openers):
            self._views.append(opener(self.search))

    def _make_tuner(self, space: Any, objective: Objective, epochs: int) -> Any:
        options = self._options
        oracle = oracle_of(
            options.tuner, objective, space, trials=options.trials, epochs=epochs, seed=options.seed
        )
        # KerasTuner prints that it reloads a search; the view says so.
        with redirect_stdout(io.StringIO()):
            tuner = tuner_class()(
                self._load,
                oracle=oracle,
                # Values that only some choices ask for are found by further probes of KerasTuner's.
                hypermodel=self._build if space.inactive_scopes else None,
                directory=str(self._project.parent),
                project_name=self._project.name,
            )
            tuner.oracle.verbose = 0
            # Before the first trial, so that a search whose kernel dies in it can go on.
            tuner.save()
        return tuner

    def _search(self) -> tuple[Status, str]:
        """Run the trials; return how it ended and why."""
        __tracebackhide__ = True
        search, trials = self.search, self._trials
        logger, no_retracing = logging.getLogger("tensorflow"), NoRetracing()
        logger.addFilter(no_retracing)
        status: Status = "finished"
        reason = ""
        try:
            while (trial := self._next()) is not None:
                record = trials.run(trial)
                if search.run.control.stopping:
                    # Not told to KerasTuner: what was stopped runs again when the search goes on.
                    break
                self._tell_kerastuner(trial, record)
        except RuntimeError:
            # So KerasTuner ends a search of which three trials in a row have failed.
            if not search.trials or search.trials[-1].status != "failed":
                raise
            status, reason = "stopped", f"three trials in a row failed: {search.trials[-1].reason}"
        finally:
            logger.removeFilter(no_retracing)
        if search.run.control.stopping:
            status, reason = "stopped", search.run.control.stop_reason
        if search.best is None and trials.errors:
            raise trials.errors[-1]
        if status == "finished" and search.total is not None and len(search.trials) < search.total:
            reason = "there are no other values to try"
        self._settle()
        return status, reason

    def _next(self) -> Any:
        """Ask KerasTuner for the next trial; None when the search is over."""
        self._trials.time_left()
        if self.search.run.control.stopping:
            return None
        tuner = self.search.tuner
        with _unwarned():
            trial = tuner.oracle.create_trial(tuner.tuner_id)
        return trial if trial.status == "RUNNING" else None

    def _tell_kerastuner(self, trial: Any, record: TrialRecord) -> None:
        tuner = self.search.tuner
        with _unwarned():
            if record.status == "finished":
                metrics = {self.search.objective.name: record.value}
                tuner.oracle.update_trial(trial.trial_id, metrics, step=(record.epoch or 1) - 1)
                trial.status = "COMPLETED"
            else:
                trial.status, trial.message = "FAILED", record.reason
            tuner.on_trial_end(trial)

    def _settle(self) -> None:
        """Put the best epoch's weights into the best trial's model."""
        search = self.search
        best = search.best
        if best is None:
            return
        trial = search.tuner.oracle.get_trial(best.id)
        search.hp = trial.hyperparameters
        search.model = self._trials.models.get(best.id)
        if search.model is not None:
            load(search.model, self._trials.weights(best.id))
            return
        self._trainer.undo()
        search.model = self._load(trial)
        self._trainer.keep()
        note = "the best trial is of an earlier session: its model was built again, with its weights"
        search.notes.append(note)
        search.run.add_note(note)

    def _build(self, hp: Any) -> Any:
        return probe(self._trainer, hp).model

    def _load(self, trial: Any) -> Any:
        """Build a trial's model again, with the weights of its best epoch."""
        call = probe(self._trainer, trial.hyperparameters)
        load(call.model, self._trials.weights(trial.trial_id))
        return call.model

    def _end(self, status: Status, reason: str) -> None:
        search = self.search
        run = search.run
        run.progress.elapsed = time.monotonic() - search.began
        if search.best is not None:
            run.parameters |= {f"best {name}": value for name, value in search.values.items()}
            run.parameters |= {"best trial": search.best.number}
        run.finish(status, reason)
        self._tell("on_end")

    def _tell(self, what: str) -> None:
        for view in tuple(self._views):
            self._tell_one(view, what)

    def _tell_one(self, view: SearchView, what: str) -> None:
        try:
            getattr(view, what)(self.search)
        except Exception as error:  # noqa: BLE001 - a view must not end the search
            self._views.remove(view)
            self.search.run.add_note(f"the search is not shown: {first_line(error)}")


@contextmanager
def _unwarned() -> Iterator[None]:
    """Keep KerasTuner's use of old names (threading.currentThread) from the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
