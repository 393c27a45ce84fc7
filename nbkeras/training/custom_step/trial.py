"""Tries a step on two batches before any training, and leaves everything as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_model, keras_module, line_of
from nbkeras.training.custom_step.checks import findings
from nbkeras.training.custom_step.probing import Traced, traced
from nbkeras.training.custom_step.report import Finding
from nbkeras.training.custom_step.state import build, built_in_step, is_optimizer, kept_randomness

if TYPE_CHECKING:
    from types import CodeType, FunctionType

    from nbkeras.training.custom_step.body import Kind


def trial(model: Any, step: FunctionType, kind: Kind, batch: Any, specs: Any) -> tuple[Finding, ...]:
    """Return what two batches tell about a step: the given one, and a part of it.

    The step is traced as ``fit`` traces it and run on both. Weights, metrics, the optimizers and every source
    of random numbers are as before when it returns, also when the step fails.

    Args:
        model: a compiled model.
        step: the step as a plain function of the model and the data.
        kind: which step it is.
        batch: one batch of tensors.
        specs: the forms of the batches that fit would give.

    Raises:
        Refusal: when the step returns no dict of numbers, or no gradient reaches any weight.
        Exception: what the step itself raises.
    """
    __tracebackhide__ = True
    unpack = keras_module(line_of(model)).utils.unpack_x_y_sample_weight
    build(model, unpack(specs)[0])
    if _is_distributed(model):
        text = "not tried: the model is distributed; try the step on a model made outside the strategy"
        return (Finding("trial", "note", text),)
    named = _named(step)
    space = step.__globals__

    def tried(function: Any, data: Any, forms: Any, *, runs: bool = True) -> Traced:
        __tracebackhide__ = True
        # Each begins with the same random numbers, so that they can be compared.
        with kept_randomness(model):
            return traced(model, function, data, forms, named, space, runs=runs)

    try:
        own = tried(step, batch, specs)
    except Exception as error:
        if not getattr(model, "run_eagerly", False):
            raise
        text = f"not tried: a step that runs eagerly may do what can't be traced ({type(error).__name__})"
        return (Finding("trial", "note", text),)
    built_in = _or_error(tried, built_in_step(model, f"{kind}_step"), batch, specs)
    weighted = _with_other_weights(tried, step, batch, specs, unpack)
    return tuple(findings(model, kind, own, built_in, weighted))


def _or_error(tried: Any, function: Any, batch: Any, specs: Any, *, runs: bool = True) -> Traced | Exception:
    try:
        result: Traced = tried(function, batch, specs, runs=runs)
    except Exception as error:  # noqa: BLE001 - what a step raises is what is to be known
        return error
    return result


def _with_other_weights(
    tried: Any, step: Any, batch: Any, specs: Any, unpack: Any
) -> tuple[str, Traced | Exception] | None:
    """Try the step with sample weights where the batch has none, and without where it has some."""
    import tensorflow as tf

    x, y, weights = unpack(batch)
    x_spec, y_spec, _ = unpack(specs)
    targets = [t for t in tf.nest.flatten(y) if t is not None]
    if not targets:
        return None
    if weights is not None:
        return "without", _or_error(tried, step, (x, y), (x_spec, y_spec), runs=False)
    ones = tf.ones(tf.shape(targets[0])[:1], "float32")
    first = next(spec for spec in tf.nest.flatten(y_spec) if spec is not None)
    forms = (x_spec, y_spec, tf.TensorSpec(first.shape[:1], tf.float32))
    return "with", _or_error(tried, step, (x, y, ones), forms, runs=False)


def _is_distributed(model: Any) -> bool:
    return int(getattr(model.distribute_strategy, "num_replicas_in_sync", 1)) > 1


def _named(step: FunctionType) -> dict[str, Any]:
    """Return the models and optimizers of the notebook that a step names."""
    names = _names(step.__code__)
    found = {name: step.__globals__[name] for name in sorted(names) if name in step.__globals__}
    return {name: value for name, value in found.items() if is_model(value) or is_optimizer(value)}


def _names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if hasattr(constant, "co_names")]
    return set(code.co_names).union(*map(_names, inner))
