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
    if optimizer is not None and is_used(model, optimizer):
        facts |= optimizer_facts(optimizer)
    loss = getattr(model, "loss", None)
    if loss is not None:
        facts["loss"] = loss_label(loss)
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


def is_used(model: Any, optimizer: Any) -> bool:
    """Tell whether a model's ``fit`` is known to use its optimizer.

    Keras gives every compiled model one, RMSprop where none was named. A ``train_step`` of the user's may use
    others instead (a GAN's two): then it is known only when the optimizer has counted a step.
    """
    return not overrides(model, "train_step", "make_train_function", "fit") or _has_stepped(optimizer)


def overrides(model: Any, *methods: str) -> bool:
    """Tell whether the model's class has its own version of one of Keras's methods."""
    roots = ("keras", "tf_keras")
    for method in methods:
        owner = next((c for c in type(model).__mro__ if method in vars(c)), None)
        if owner is not None and owner.__module__.partition(".")[0] not in roots:
            return True
    return False


def _has_stepped(optimizer: Any) -> bool:
    # The count itself: its public name makes a variable in tf_keras's older optimizers, and lags behind in
    # Keras 3's where gradients are accumulated.
    count = getattr(getattr(optimizer, "inner_optimizer", optimizer), "_iterations", 1)
    try:
        return count is not None and int(count.numpy() if hasattr(count, "numpy") else count) > 0
    except (TypeError, ValueError, AttributeError):
        return True


def loss_label(value: Any) -> str:
    """Return what a loss is called: a class, a function, or several of them."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {loss_label(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(loss_label(item) for item in value)
    if isinstance(value, str):
        return value
    return str(getattr(value, "name", None) or getattr(value, "__name__", None) or type(value).__name__)
