"""KerasTuner's ways to choose the next values, by name."""

from __future__ import annotations

import importlib
import importlib.util
import math
from typing import TYPE_CHECKING, Any, Literal

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.training.tuning.objective import Objective

TunerName = Literal["random", "hyperband", "bayesian", "grid"]
CLASSES: dict[TunerName, str] = {
    "random": "RandomSearch",
    "hyperband": "Hyperband",
    "bayesian": "BayesianOptimization",
    "grid": "GridSearch",
}
TRIALS = 10
"""Trials of a random or Bayesian search that does not say how many; the others know their end."""

HYPERBAND_FACTOR = 3
"""KerasTuner's own: of each round a third goes on, with three times the epochs."""


def kerastuner(tuner: TunerName) -> Any:
    """Import KerasTuner.

    Raises:
        Refusal: when it, or what the tuner needs besides, is not installed.
    """
    try:
        module = importlib.import_module("keras_tuner")
    except ModuleNotFoundError as error:
        text = (
            f"expected the package keras-tuner, received no module named {error.name!r}: "
            "type  %pip install 'nbkeras[tuner]'"
        )
        raise Refusal(text) from None
    missing = [name for name in ("scipy", "sklearn") if importlib.util.find_spec(name) is None]
    if tuner == "bayesian" and missing:
        text = (
            f"tuner: expected scipy and scikit-learn for bayesian, received no {missing[0]}: "
            "type  %pip install scikit-learn"
        )
        raise Refusal(text)
    return module


def oracle_of(
    tuner: TunerName,
    objective: Objective,
    space: Any,
    *,
    trials: int | None,
    epochs: int,
    seed: int | None,
) -> Any:
    """Make what chooses the values of the next trial.

    Args:
        tuner: which one.
        objective: what the search is for.
        space: KerasTuner's HyperParameters, as far as they are known.
        trials: how many, None for as many as the tuner does by itself.
        epochs: the most epochs that Hyperband gives a trial.
        seed: the same seed tries the same values, None for new ones.
    """
    module = kerastuner(tuner)
    oracles = importlib.import_module("keras_tuner.oracles")
    goal = module.Objective(objective.name, objective.direction)
    common = {"objective": goal, "hyperparameters": space, "seed": seed}
    if tuner == "hyperband":
        oracle = oracles.HyperbandOracle(max_epochs=epochs, factor=HYPERBAND_FACTOR, **common)
        oracle.max_trials = trials
        return oracle
    if tuner == "grid":
        return oracles.GridSearchOracle(max_trials=trials, **common)
    make = oracles.BayesianOptimizationOracle if tuner == "bayesian" else oracles.RandomSearchOracle
    return make(max_trials=trials or TRIALS, **common)


def planned_trials(tuner: TunerName, space: Any, *, trials: int | None, epochs: int) -> int | None:
    """Return how many trials there will be at most, None where only the search can tell."""
    if tuner == "hyperband":
        return min(_hyperband_trials(epochs), trials or math.inf)  # type: ignore[return-value]
    asked = trials if tuner == "grid" else trials or TRIALS
    known = [each for each in (asked, _combinations(space, tuner)) if each is not None]
    return min(known, default=None)


def _combinations(space: Any, tuner: TunerName) -> int | None:
    count = 1
    for each in space.space:
        endless = type(each).__name__ == "Float" and each.step is None
        if each.conditions or (endless and tuner != "grid"):
            return None
        # KerasTuner's grid takes ten values of a range without steps.
        is_whole = type(each).__name__ == "Int" and each.step is None and tuner != "grid"
        count *= each.max_value - each.min_value + 1 if is_whole else len(set(each.values))
    return count


def _hyperband_trials(epochs: int) -> int:
    """Count the trials of all brackets, as the paper on Hyperband and KerasTuner lay them out."""
    brackets, left = 0, float(epochs)
    while left >= 1:
        left /= HYPERBAND_FACTOR
        brackets += 1
    last = math.ceil(1 + math.log(epochs, HYPERBAND_FACTOR))
    return sum(
        math.ceil(last / (bracket + 1) * HYPERBAND_FACTOR ** (bracket - round_))
        for bracket in range(brackets)
        for round_ in range(bracket + 1)
    )
