"""What a search makes as low or as high as it can."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.runs import metrics
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.metric_names import compiled_directions, refuse_unknown_metric

if TYPE_CHECKING:
    from nbkeras.runs.vocabulary import Direction
    from nbkeras.training.calls import Call


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric, and which end of it is the better one."""

    name: str
    direction: Direction

    def better(self, value: float, than: float) -> bool:
        """Tell whether one value is better than another; NaN is better than nothing."""
        if math.isnan(value) or math.isnan(than):
            return math.isnan(than) and not math.isnan(value)
        return value > than if self.direction == "max" else value < than

    def describe(self) -> str:
        """Say it in words: ``val_loss, lower is better``."""
        return f"{self.name}, {'higher' if self.direction == 'max' else 'lower'} is better"

    def best_epoch(self, history: dict[str, list[Any]]) -> int | None:
        """Return the place of the best finite value in a history, None when there is none."""
        values = [float(value) for value in history.get(self.name, [])]
        finite = [at for at, value in enumerate(values) if math.isfinite(value)]
        if not finite:
            return None
        sign = -1 if self.direction == "max" else 1
        return min(finite, key=lambda at: sign * values[at])


def parse_objective(text: str) -> tuple[str, Direction | None]:
    """Read ``val_loss`` or ``val_f1:max``.

    Raises:
        Refusal: for another end than min and max.
    """
    name, colon, end = text.partition(":")
    if not name or (colon and end not in {"min", "max"}):
        refusal = f"objective: expected METRIC, METRIC:min or METRIC:max, received {text!r}: give  val_loss"
        raise Refusal(refusal)
    if not colon:
        return name, None
    return name, "max" if end == "max" else "min"


def objective_of(asked: str | None, call: Call) -> Objective:
    """Return the objective of a search whose trials make this call of ``fit``.

    Raises:
        Refusal: when the ``fit`` will not report it, or when none was named and there are no validation
            data, so that the search would reward what learns the training data by heart.
    """
    if asked is None and not call.has_validation:
        text = (
            "objective: expected a fit with validation data, received one without: "
            "give fit  validation_split=0.2, or take  --objective loss  (objective='loss')"
        )
        raise Refusal(text)
    name, end = parse_objective(asked or "val_loss")
    refuse_unknown_metric(call, name, "objective")
    said = compiled_directions(call.model)
    return Objective(name, end or said.get(metrics.group(name)) or metrics.direction(name))
