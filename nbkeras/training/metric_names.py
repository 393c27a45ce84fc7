"""The metrics that a ``fit`` will report, told before it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.model_facts import directions_of
from nbkeras.runtime.keras_lines import is_compiled, is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.runs.vocabulary import Direction
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
        mend = f"give fit validation_split=0.2, or watch {base}"
    else:
        why = "the model reports " + ", ".join(names)
        mend = f"take one of them, or add it to model.compile(metrics=[{base!r}])"
    text = f"{option}: expected a metric of this fit, received {metric!r} ({why}): {mend}"
    raise Refusal(text)


def reported_metrics(call: Call) -> list[str] | None:
    """Return the names in the logs of this ``fit``, None where they cannot be known for sure.

    Keras names the metrics when it meets the first batch. Its rules are followed here only as far as they
    are plain: one output, metrics by name or as objects, none twice.
    """
    model = call.model
    if _overrides(model, "train_step", "compute_metrics", "call") or _has_foreign_callbacks(call):
        return None
    if len(_outputs(model)) > 1 or not is_compiled(model):
        return None
    names = compiled_metrics(model)
    arguments = _compile_arguments(model)
    given = [*_leaves(arguments.get("metrics")), *_leaves(arguments.get("weighted_metrics"))]
    if len(set(names)) < len(names) or any(_name(metric) is None for metric in given):
        return None
    return [*names, *(f"val_{name}" for name in names)] if call.has_validation else names


def compiled_metrics(model: Any) -> list[str]:
    """Return the likely names of a model's losses and metrics; none for what is no compiled model.

    With several outputs it may hold a name more than Keras will report.
    """
    if not is_model(model) or not is_compiled(model):
        return []
    arguments = _compile_arguments(model)
    outputs = _outputs(model)
    names = ["loss"]
    if len(outputs) > 1:
        names += [f"{output}_loss" for output in outputs]
    for metric in [*_leaves(arguments.get("metrics")), *_leaves(arguments.get("weighted_metrics"))]:
        name = _name(metric)
        if name is not None:
            names += [f"{output}_{name}" for output in outputs] if len(outputs) > 1 else [name]
    # Metrics that layers or the model hold are reported under their own names. After the first batch
    # tf_keras lists those of the compile, too.
    held = [metric.name for metric in model.metrics]
    return names + [name for name in held if name not in {"compile_metrics", *names}]


def compiled_directions(model: Any) -> dict[str, Direction]:
    """Return which way is better, for the metric objects of a compile that say so."""
    return directions_of(_leaves(_compile_arguments(model).get("metrics")))


def _outputs(model: Any) -> list[str]:
    return list(getattr(model, "output_names", None) or [])


def _compile_arguments(model: Any) -> dict[str, Any]:
    # The public get_compile_config() serialises, and warns into the cell of every lambda that it meets.
    held = getattr(model, "_compile_config", None)
    return dict(getattr(held, "config", None) or {})


def _leaves(metrics: Any) -> list[Any]:
    if metrics is None:
        return []
    if isinstance(metrics, dict):
        metrics = list(metrics.values())
    if isinstance(metrics, (list, tuple)):
        return [leaf for metric in metrics for leaf in _leaves(metric)]
    return [metrics]


def _name(metric: Any) -> str | None:
    """Return the name that Keras gives a metric of a compile, None where it is not plain."""
    if isinstance(metric, str):
        return metric
    name = getattr(metric, "name", None) or getattr(metric, "__name__", None)
    return None if name is None or "lambda" in str(name) else str(name)


def _overrides(model: Any, *methods: str) -> bool:
    """Tell whether the model's class has its own version of one of Keras's methods."""
    roots = ("keras", "tf_keras")
    for method in methods:
        owner = next((c for c in type(model).__mro__ if method in vars(c)), None)
        if owner is not None and owner.__module__.partition(".")[0] not in roots:
            return True
    return False


def _has_foreign_callbacks(call: Call) -> bool:
    callbacks = call.get("callbacks") or []
    members = getattr(callbacks, "callbacks", callbacks)
    members = members if isinstance(members, (list, tuple)) else [members]
    known = ("keras", "tf_keras", "nbkeras")
    return any(type(c).__module__.partition(".")[0] not in known for c in members)
