"""The metrics that a ``fit`` will report, told before it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_compiled, is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.training.calls import Call


def refuse_unknown_metric(call: Call, metric: str, option: str) -> None:
    """Refuse a metric that this ``fit`` will not report.

    A model with a ``train_step`` of its own, or a callback of the user's that may add to the logs, can
    report anything: then nothing is refused.

    Raises:
        Refusal: naming the metrics that there will be.
    """
    names = reported_metrics(call)
    if names is None or metric in names:
        return
    base = metric.removeprefix("val_")
    if metric != base and base in names:
        why = "this fit has no validation data"
        mend = f"give fit validation_split=0.2, or take {option} {base}"
    else:
        why = "the model reports " + ", ".join(names)
        mend = f"take one of them, or add it to model.compile(metrics=[{base!r}])"
    text = f"{option}: expected a metric of this fit, received {metric!r} ({why}): {mend}"
    raise Refusal(text)


def reported_metrics(call: Call) -> list[str] | None:
    """Return the names in the logs of this ``fit``, None when they cannot be known.

    With several outputs the list may hold a name more than Keras will report, never one less.
    """
    model = call.model
    if _overrides(model, "train_step", "compute_metrics") or _has_foreign_callbacks(call):
        return None
    names = compiled_metrics(model)
    if not names:
        return None
    unique = list(dict.fromkeys(names))
    return [*unique, *(f"val_{name}" for name in unique)] if call.has_validation else unique


def compiled_metrics(model: Any) -> list[str]:
    """Return the names of the losses and metrics that a model was compiled with; none for other things."""
    if not is_model(model) or not is_compiled(model):
        return []
    try:
        config = model.get_compile_config() or {}
    except (NotImplementedError, TypeError, ValueError):
        return []
    outputs = list(getattr(model, "output_names", None) or [])
    names = ["loss"]
    if len(outputs) > 1 or isinstance(config.get("loss"), (dict, list)):
        names += [f"{output}_loss" for output in outputs]
    for metric in [*_names(config.get("metrics")), *_names(config.get("weighted_metrics"))]:
        names += [f"{output}_{metric}" for output in outputs] if len(outputs) > 1 else [metric]
    # Metrics that layers or the model hold are reported under their own names.
    return names + [m.name for m in model.metrics if m.name not in {"loss", "compile_metrics"}]


def _names(metrics: Any) -> list[str]:
    """Read the names out of the (serialised) metrics of a compile."""
    if metrics is None:
        return []
    if isinstance(metrics, str):
        return [metrics]
    if isinstance(metrics, (list, tuple)):
        return [name for metric in metrics for name in _names(metric)]
    if isinstance(metrics, dict) and "class_name" in metrics:
        config = metrics.get("config")
        return [str(config.get("name")) if isinstance(config, dict) else str(config)]
    if isinstance(metrics, dict):
        return [name for metric in metrics.values() for name in _names(metric)]
    name = getattr(metrics, "name", None) or getattr(metrics, "__name__", None)
    return [str(name)] if name else []


def _overrides(model: Any, *methods: str) -> bool:
    """Tell whether the model's class has its own version of one of Keras's methods."""
    roots = ("keras", "tf_keras")
    for method in methods:
        owner = next((c for c in type(model).__mro__ if method in vars(c)), None)
        if owner is not None and owner.__module__.partition(".")[0] not in roots:
            return True
    return False


def _has_foreign_callbacks(call: Call) -> bool:
    callbacks = call.arguments.get("callbacks") or []
    members = getattr(callbacks, "callbacks", callbacks)
    members = members if isinstance(members, (list, tuple)) else [members]
    known = ("keras", "tf_keras", "nbkeras")
    return any(type(c).__module__.partition(".")[0] not in known for c in members)
