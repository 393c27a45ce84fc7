"""A search as the runs in this kernel and in the run log tell of it, for views after its end or elsewhere."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, cast

from nbkeras.runs import library
from nbkeras.runs.vocabulary import UNDER_WAY
from nbkeras.training.tuning.objective import Objective, parse_objective
from nbkeras.training.tuning.record import Search, TrialRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbkeras.runs.record import RunRecord
    from nbkeras.runs.run import Run
    from nbkeras.training.tuning.record import TrialStatus


def recalled(run: RunRecord) -> Search:
    """Return a search as far as runs tell of it: its trials, their values and what came of each.

    What lives only in the memory of its kernel is not there: the model, `hp` and KerasTuner's tuner.

    Args:
        run: the search's own run, of this kernel or of the log.
    """
    told = run.parameters
    name, direction = parse_objective(str(told.get("objective", "val_loss")))
    objective = Objective(name, direction or run.direction(name))
    total = told.get("trials")
    search = Search(
        run.name,
        str(told.get("tuner", "random")),
        objective,
        str(told.get("directory", "")),
        total if isinstance(total, int) else None,
        # Views read of it what every record has.
        cast("Run", run),
        notes=list(run.notes),
        began=time.monotonic() - run.seconds,
    )
    everything = library.all()
    search.trials = _trials(search, everything)
    search.progress = next(
        (each.progress for each in everything if search.trials and each.id == search.trials[-1].run), None
    )
    return search


def search_of(run: RunRecord) -> RunRecord:
    """Return the search that a run is a trial of, or the run itself."""
    wanted = run.parameters.get("search") if "trial" in run.parameters else None
    return next((each for each in library.all() if each.id == wanted and each.kind == "search"), run)


def _trials(search: Search, everything: Iterable[RunRecord]) -> list[TrialRecord]:
    run, name = search.run, search.objective.name
    values = dict(zip(run.epoch_numbers(name), run.history[name], strict=True)) if name in run.metrics else {}
    told = [(each.parameters, trial) for each in everything if (trial := _trial(search, each)) is not None]
    found = {trial.number: trial for parameters, trial in told if parameters["search"] == run.id}
    # Those of an earlier session with which this search has gone on, known by their values.
    earlier = {trial.number: trial for _, trial in told if trial.value == values.get(trial.number, math.nan)}
    named_alone = {number: TrialRecord(number, "", {}, "finished", value) for number, value in values.items()}
    # What has no run never came to its fit.
    reason = "before its fit; the run log has no more of it"
    lost = {n: TrialRecord(n, "", {}, "failed", reason=reason) for n in range(1, run.progress.done + 1)}
    return [trial for _, trial in sorted({**lost, **named_alone, **earlier, **found}.items())]


def _trial(search: Search, run: RunRecord) -> TrialRecord | None:
    """Return what a run tells of a trial of such a search, None for another run."""
    number = run.parameters.get("trial")
    if not isinstance(number, int) or "search" not in run.parameters:
        return None
    names = str(search.run.parameters.get("searched", "")).split(", ")
    values = {name: run.parameters[name] for name in names if name in run.parameters}
    trial = TrialRecord(number, "", values, _status(run), seconds=run.seconds, run=run.id)
    trial.history = run.history
    at = search.objective.best_epoch(trial.history)
    if at is not None and run.status in {"finished", "stopped"}:
        name = search.objective.name
        trial.value, trial.epoch = trial.history[name][at], run.epoch_numbers(name)[at]
    if run.status == "failed":
        trial.reason = run.reason
    elif at is None and run.status == "finished":
        trial.status, trial.reason = "failed", f"{search.objective.name} was never a finite number"
    return trial


def _status(run: RunRecord) -> TrialStatus:
    if run.status in UNDER_WAY:
        return "running"
    return "finished" if run.status == "finished" else "failed" if run.status == "failed" else "stopped"
