"""A search and its trials, as views and the user read them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from nbkeras.runs.run import Run
    from nbkeras.training.tuning.objective import Objective

TrialStatus = Literal["running", "finished", "stopped", "failed"]

# KerasTuner's own notes among the values: how far Hyperband trains a trial, and what it goes on from.
OWN = "tuner/"


@dataclass(slots=True)
class TrialRecord:
    """One trial of a search.

    Attributes:
        number: its place in the search, from 1.
        id: KerasTuner's name for it.
        values: what was tried, by name.
        status: running, finished, stopped or failed.
        value: the objective in the best epoch, None when there was none.
        epoch: the best epoch, from 1.
        seconds: how long it took, None when an earlier session did not say.
        reason: why it failed.
        run: its run in the run log, "" before its fit.
        history: its metrics by epoch; of an earlier session's trial nothing.
    """

    number: int
    id: str
    values: dict[str, Any]
    status: TrialStatus = "running"
    value: float | None = None
    epoch: int | None = None
    seconds: float | None = None
    reason: str = ""
    run: str = ""
    history: dict[str, list[float]] = field(default_factory=dict)

    @property
    def searched(self) -> dict[str, Any]:
        """The values without KerasTuner's own notes."""
        return {name: value for name, value in self.values.items() if not name.startswith(OWN)}


@dataclass(slots=True, repr=False)
class Search:
    """A search: its trials so far, and what came of it.

    Attributes:
        name: what the user calls it.
        tuner_name: random, hyperband, bayesian or grid.
        objective: what it is for.
        directory: where its state and the weights are.
        total: how many trials there will be at most, None when unknown.
        run: its own run in the run log; `status` is the run's.
        trials: the trials, in order.
        notes: what the user should know of it.
        model: the model of the best trial, with the weights of its best epoch.
        hp: KerasTuner's HyperParameters with the best values.
        tuner: KerasTuner's tuner.
    """

    name: str
    tuner_name: str
    objective: Objective
    directory: str
    total: int | None
    run: Run
    trials: list[TrialRecord] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    model: Any = None
    hp: Any = None
    tuner: Any = None
    began: float = field(default_factory=time.monotonic)
    progress: Any = None
    """The progress of the trial that is under way, a run's `Progress`."""

    @property
    def status(self) -> str:
        """running, finished, stopped, interrupted or failed."""
        return self.run.status

    @property
    def best(self) -> TrialRecord | None:
        """The best trial so far, the first one of equals."""
        best: TrialRecord | None = None
        for trial in self.trials:
            if trial.value is None or trial.status == "failed":
                continue
            if best is None or self.objective.better(trial.value, best.value or 0.0):
                best = trial
        return best

    @property
    def values(self) -> dict[str, Any]:
        """The best values by name, nothing before the first trial's end."""
        return {} if self.best is None else self.best.searched

    @property
    def parameters(self) -> list[str]:
        """The names of what is searched, in order of appearance."""
        return list(dict.fromkeys(name for trial in self.trials for name in trial.searched))

    @property
    def seconds(self) -> float:
        """How long this session has searched."""
        return (time.monotonic() - self.began) if self.run.live else self.run.seconds

    @property
    def remaining(self) -> float | None:
        """About how many seconds are left: as many trials as are planned, at the pace so far."""
        ended = [trial.seconds for trial in self.trials if trial.status != "running" and trial.seconds]
        if self.total is None or not ended or not self.run.live:
            return None
        left = self.total - len([trial for trial in self.trials if trial.status != "running"])
        spent = math.fsum(trial.seconds or 0.0 for trial in self.trials if trial.status == "running")
        return max(0.0, left * math.fsum(ended) / len(ended) - spent)

    def __repr__(self) -> str:
        """Say in a few lines what came of it."""
        head = f"search {self.name!r}: {self.status}, {len(self.trials)} trials, {self.objective.describe()}"
        best = self.best
        if best is None or best.value is None:
            return f"{head}\nno trial has a value yet"
        return f"{head}\nbest: trial {best.number}, {self.objective.name} {best.value:.6g}, {said(best)}"


def said(trial: TrialRecord) -> str:
    """Return a trial's values as text: ``lr=0.001 units=32``."""
    return " ".join(f"{name}={short(value)}" for name, value in trial.searched.items())


def short(value: Any) -> str:
    """Return a value as views show it: numbers in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
