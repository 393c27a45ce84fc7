"""The metrics that a ``fit`` will report, told before it trains."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.model_facts import directions_of, overrides
from nbkeras.runtime.keras_lines import is_compiled, is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.callback_lists import members_of
from nbkeras.training.callback_logs import names_added_by

if TYPE_CHECKING:
    from nbkeras.runs.vocabulary import Direction
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.calls import Call

# tf_keras makes snake_case of a class's name in these two steps.
_HUMP = re.compile("(.)([A-Z][a-z0-9]+)")
_SECOND_HUMP = re.compile("([a-z])([A-Z])")


def refuse_unknown_metric(call: Call, metric: str, option: str) -> None:
    """Refuse a metric that this ``fit`` will not report.

    A model with a ``train_step`` of its own, or a callback of the user's that may add to the logs, can
    report anything: then nothing is refused.

    Raises:
        Refusal: naming the metrics that there will be.
    """
    names = reported_metrics(call)
    base = metric.removeprefix("val_")
    if names is None:
        names = _of_several_outputs(call, base)
        if names is None or (base in names and (metric == base or call.has_validation)):
            return
    elif metric in names:
        return
    if metric != base and base in names:
        why = "this fit has no validation data"
        mend = f"give fit validation_split=0.2, or watch {base}"
    else:
        may = "may report" if len(_outputs(call.model)) > 1 else "reports"
        why = f"the model {may} " + ", ".join(names)
        mend = f"take one of them, or add it to model.compile(metrics=[{base!r}])"
    text = f"{option}: expected a metric of this fit, received {metric!r} ({why}): {mend}"
    raise Refusal(text)


def reported_metrics(call: Call) -> list[str] | None:
    """Return the names in the logs of this ``fit``, None where they cannot be known for sure.

    Keras names the metrics when it meets the first batch. Its rules are followed here only as far as they
    are plain: one output, metrics by name or as objects, none twice.
    """
    model = call.model
    if overrides(model, "train_step", "compute_metrics", "call"):
        return None
    if len(_outputs(model)) > 1 or not is_compiled(model):
        return None
    added = names_added_by(members_of(call.get("callbacks")), getattr(model, "optimizer", None))
    if added is None:
        return None
    names = compiled_metrics(model)
    arguments = _compile_arguments(model)
    given = [*_leaves(arguments.get("metrics")), *_leaves(arguments.get("weighted_metrics"))]
    line = line_of(model)
    if len(set(names)) < len(names) or any(_name(metric, line) is None for metric in given):
        return None
    if line == "tf_keras" and model.run_eagerly and any(isinstance(each, str) for each in given):
        # Outside a graph, tf_keras numbers the names of the objects that it makes: auc_3.
        return None
    return [*names, *(f"val_{name}" for name in names if call.has_validation), *added]


def _of_several_outputs(call: Call, base: str) -> list[str] | None:
    """Return names that hold all in the logs of a ``fit`` with several outputs, None where they may not.

    Both lines begin the name of each loss and metric with that of its output, and number those of one name
    (Keras 3.15, tf_keras 2.21): what begins so is taken for one of them. Where outputs have names of the
    model's own, in dicts or deeper, Keras 3 makes paths of them.
    """
    model = call.model
    outputs = _outputs(model)
    if overrides(model, "train_step", "compute_metrics", "call") or not is_compiled(model):
        return None
    if len(set(outputs)) <= 1 or not _are_plain(getattr(model, "output", None), outputs):
        return None
    added = names_added_by(members_of(call.get("callbacks")), getattr(model, "optimizer", None))
    if added is None:
        return None
    names = [*compiled_metrics(model), *added]
    return [*names, base] if any(base.startswith(f"{output}_") for output in outputs) else names


def _are_plain(structure: Any, names: list[str]) -> bool:
    if isinstance(structure, dict):
        return sorted(structure) == sorted(names)
    return isinstance(structure, list | tuple) and not any(
        isinstance(each, dict | list | tuple) for each in structure
    )


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
        name = _name(metric, line_of(model))
        if name is not None:
            names += [f"{output}_{name}" for output in outputs] if len(outputs) > 1 else [name]
    # Metrics that layers or the model hold are reported under their own names. After the first batch
    # tf_keras lists those of the compile, too.
    held = [metric.name for metric in model.metrics]
    return names + [name for name in held if name not in {"compile_metrics", *names}]


def compiled_directions(model: Any) -> dict[str, Direction]:
    """Return which way is better, for the metric objects of a compile that say so."""
    arguments = _compile_arguments(model)
    return directions_of([*_leaves(arguments.get("metrics")), *_leaves(arguments.get("weighted_metrics"))])


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


def _name(metric: Any, line: Line | None) -> str | None:
    """Return the name that Keras gives a metric of a compile, None where it is not plain."""
    if isinstance(metric, str):
        return _name_of_text(metric) if line == "tf_keras" else metric
    if isinstance(metric, type):
        # Keras makes an object of it and numbers its name: auc_3.
        return None
    name = getattr(metric, "name", None) or getattr(metric, "__name__", None)
    return None if name is None or "lambda" in str(name) else str(name)


def _name_of_text(text: str) -> str | None:
    """Return the name that tf_keras gives a metric by its text: of a class, its own (``auc`` for ``AUC``)."""
    keras = keras_module("tf_keras")
    if text in keras.utils.get_custom_objects() or ">" in text:
        return None
    found = getattr(keras.metrics, text, None)
    if not (isinstance(found, type) and issubclass(found, keras.metrics.Metric)):
        return text
    name = getattr(inspect.signature(found).parameters.get("name"), "default", None)
    return name if isinstance(name, str) else _SECOND_HUMP.sub(r"\1_\2", _HUMP.sub(r"\1_\2", text)).lower()
