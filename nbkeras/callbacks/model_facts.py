"""What a run's record says about its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.learning_rate import read_learning_rate, schedule_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbkeras.runs.vocabulary import Direction


def model_facts(model: Any, kind: str) -> dict[str, Any]:
    """Return class, size, optimizer, learning rate and loss of a model, as far as they are known."""
    if model is None:
        return {}
    facts: dict[str, Any] = {"model": type(model).__name__}
    if getattr(model, "built", False):
        facts["weights"] = int(model.count_params())
    if kind != "fit":
        return facts
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        facts |= optimizer_facts(optimizer)
    loss = getattr(model, "loss", None)
    if loss is not None:
        facts["loss"] = _label(loss)
    return facts


def metric_directions(model: Any) -> dict[str, Direction]:
    """Return which way is better, for the metrics of a model that say so."""
    metrics = list(getattr(model, "metrics", []))
    # Keras 3 holds the metrics of a compile in one of its own.
    return directions_of(
        [*metrics, *(inner for metric in metrics for inner in getattr(metric, "metrics", []))]
    )


def directions_of(metrics: Iterable[Any]) -> dict[str, Direction]:
    """Return which way is better, for the metric objects that say so."""
    ends: dict[str, Direction] = {"up": "max", "down": "min"}
    said = {getattr(metric, "name", ""): getattr(metric, "_direction", None) for metric in metrics}
    return {str(name): ends[way] for name, way in said.items() if way in ends}


def optimizer_facts(optimizer: Any) -> dict[str, Any]:
    """Return an optimizer's class and its learning rate: a number, or the name of its schedule."""
    rate = schedule_of(optimizer) or read_learning_rate(optimizer)
    return {"optimizer": type(optimizer).__name__, "learning_rate": rate}


def _label(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_label(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_label(item) for item in value)
    if isinstance(value, str):
        return value
    return str(getattr(value, "name", None) or getattr(value, "__name__", None) or type(value).__name__)
