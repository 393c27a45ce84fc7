"""Reads and sets the learning rate of an optimizer of either Keras line."""

from __future__ import annotations

from typing import Any

from nbkeras.runtime.refusal import Refusal


def read_learning_rate(optimizer: Any) -> float | None:
    """Return the learning rate as it is now, a schedule's value included; None when there is none."""
    rate = getattr(optimizer, "learning_rate", None)
    if rate is None:
        return None
    try:
        # Variables of both lines and eager tensors have numpy(); a plain number has not.
        return float(rate.numpy() if hasattr(rate, "numpy") else rate)
    except (TypeError, ValueError, AttributeError):
        return None


def write_learning_rate(optimizer: Any, value: float) -> None:
    """Set the learning rate.

    Raises:
        Refusal: when the optimizer follows a schedule, or there is no optimizer.
    """
    if optimizer is None or not hasattr(optimizer, "learning_rate"):
        text = "learning rate not changed: this run has no optimizer with a learning rate"
        raise Refusal(text)
    schedule = schedule_of(optimizer)
    if schedule is not None:
        text = f"learning rate not changed: the optimizer follows a {schedule} schedule"
        raise Refusal(text)
    optimizer.learning_rate = value


def schedule_of(optimizer: Any) -> str | None:
    """Return the class name of the optimizer's learning-rate schedule, None when it has none."""
    # Neither line says it in public; both keep the schedule in this attribute. A loss-scale optimizer
    # stands before the one that has it.
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    held = getattr(inner, "_learning_rate", None)
    is_schedule = callable(held) and any(c.__name__ == "LearningRateSchedule" for c in type(held).__mro__)
    return type(held).__name__ if is_schedule else None
