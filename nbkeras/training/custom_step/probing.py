"""Traces a step as ``fit`` does, with eyes on gradients, losses and loss scaling, and runs it twice."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.custom_step.batch import smaller
from nbkeras.training.custom_step.flow import Flow
from nbkeras.training.custom_step.making import put
from nbkeras.training.custom_step.state import (
    kept_values,
    other_containers,
    other_optimizers,
    scales_loss,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Watch:
    """What was seen while a step was traced; tensors are those of its graph."""

    sample_weight: list[Any] = field(default_factory=list)
    loss_factor: Any = None
    scale_factor: Any = None
    applied: list[tuple[Any, Any]] = field(default_factory=list)
    own_losses: int = 0
    scaling: bool = False
    scale_call: str = ""
    unscales: bool = False
    logs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traced:
    """A step that was traced and run: on one batch, and then on a smaller one.

    Args:
        watch: what was seen on the way.
        flow: the flow through its graph.
        returned: what it returned of the first batch, as numbers.
        first: what fit would log after the first batch.
        values: what fit would log after both.
        of_batch: the names of what it would log of the last batch alone.
        weights: the trainable weights after the first batch.
        moved: the names of the other weights that it wrote.
    """

    watch: Watch
    flow: Flow
    returned: dict[str, Any]
    first: dict[str, Any]
    values: dict[str, Any]
    of_batch: frozenset[str]
    weights: list[Any]
    moved: set[str]

    def gradients(self, variables: list[Any]) -> dict[int, list[Any]]:
        """Return what moves each variable, by its place: gradients applied, else what was written."""
        import tensorflow as tf

        found: dict[int, list[Any]] = {}
        for place, variable in enumerate(variables):
            given = [g for g, v in self.watch.applied if v is variable and g is not None]
            tensors = [g.values if isinstance(g, tf.IndexedSlices) else g for g in given]
            # A weight that an optimizer was given without a gradient is not moved by it.
            was_given = any(v is variable for _, v in self.watch.applied)
            found[place] = tensors or ([] if was_given else self.flow.written(tf_variable(variable)))
        return found


def traced(
    model: Any,
    step: Callable[[Any, Any], Any],
    batch: Any,
    specs: Any,
    named: dict[str, Any],
    namespace: dict[str, Any],
    *,
    runs: bool = True,
) -> Traced:
    """Trace ``step(model, batch)``, run it on two batches, and put all that it moved back.

    Args:
        model: a model that is built and compiled.
        step: the step as a plain function.
        batch: one batch of tensors.
        specs: the forms of the batches that fit would give.
        named: what the step names of the notebook: models and optimizers among it are kept as well.
        namespace: the notebook.
        runs: whether to run it. Where it is only looked at, the optimizers' own part, half of a trace, is
            left out, and so are the values. Default True.

    Raises:
        Refusal: when the step returns no dict of numbers, or no gradient reaches any weight.
    """
    import tensorflow as tf

    watch = Watch()
    logger = tf.get_logger()
    level, cls = logger.level, type(model)
    with (
        warnings.catch_warnings(),
        other_containers(model),
        other_optimizers(model, named, namespace) as optimizers,
    ):
        # Keras would warn of what is reported here.
        warnings.simplefilter("ignore")
        logger.setLevel("ERROR")
        for optimizer in optimizers:
            _watch_optimizer(optimizer, watch, model.trainable_variables, applies=runs)
        put(model, _watched_class(cls, watch))
        try:
            concrete = _graph(model, step, specs, watch)
            carried = _carried(concrete, model, optimizers)
            flow = Flow(concrete.graph, carried)
            if not runs:
                return Traced(watch, flow, {}, {}, {}, frozenset(), [], set())
            return _run(model, concrete, (batch, smaller(batch, specs)), watch, flow)
        finally:
            put(model, cls)
            logger.setLevel(level)


def tf_variable(variable: Any) -> Any:
    """Return TensorFlow's own variable of a weight of either line."""
    return variable if hasattr(variable, "handle") else variable.value


def weight_name(variable: Any) -> str:
    """Return how a weight is named: dense/kernel."""
    return str(getattr(variable, "path", variable.name)).removesuffix(":0")


def _graph(model: Any, step: Callable[[Any, Any], Any], specs: Any, watch: Watch) -> Any:
    import tensorflow as tf

    unpack = keras_module(line_of(model)).utils.unpack_x_y_sample_weight

    def run(data: Any, loss_factor: Any, scale_factor: Any) -> dict[str, Any]:
        __tracebackhide__ = True
        watch.loss_factor, watch.scale_factor = loss_factor, scale_factor
        weights = unpack(data)[2] if isinstance(data, tuple) else None
        watch.sample_weight = [t for t in tf.nest.flatten(weights) if t is not None]
        logs = step(model, data)
        if watch.applied and all(gradient is None for gradient, _ in watch.applied):
            raise Refusal(NO_GRADIENT)
        watch.logs = _numbers(logs)
        return watch.logs

    number = tf.TensorSpec((), tf.float32)
    return tf.function(run, autograph=False).get_concrete_function(specs, number, number)


NO_GRADIENT = (
    "expected gradients for the trainable weights, received none for any: make the loss from "
    "self(x, training=True), both inside  with tf.GradientTape() as tape:"
)


def _run(model: Any, concrete: Any, batches: tuple[Any, Any], watch: Watch, flow: Flow) -> Traced:
    import numpy as np
    import tensorflow as tf

    one = tf.constant(1.0)
    others = {weight_name(v): v for v in model.non_trainable_variables if _is_float(v)}

    def after(batch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        values = {name: value.numpy() for name, value in concrete(batch, one, one).items()}
        # Where a step returns the very names of the model's metrics, fit logs the metrics (both lines).
        held = _metrics_of(model)
        return values, held if set(held) == set(values) else values

    with kept_values(model, concrete.variables):
        model.reset_metrics()
        returned, first = after(batches[0])
        weights = [np.array(variable.numpy()) for variable in model.trainable_variables]
        # What goes wrong with the batches of an epoch, one batch can't tell.
        second, logged = after(batches[1])
    # What a metric holds flows from what it held before; what does not is of one batch.
    own = {name: value for name, value in watch.logs.items() if not flow.carries([value])}
    of_batch = frozenset(own if logged is second else ())
    moved = {name for name, variable in others.items() if flow.written(tf_variable(variable))}
    return Traced(watch, flow, returned, first, logged, of_batch, weights, moved)


def _numbers(logs: Any) -> dict[str, Any]:
    import tensorflow as tf

    if not isinstance(logs, Mapping):
        received = "None" if logs is None else f"a {type(logs).__name__}"
        text = (
            f"expected the step to return a dict of metrics, received {received}: end it with  "
            "return self.compute_metrics(x, y, y_pred, sample_weight)"
        )
        raise Refusal(text)
    flat = _flat(logs)
    try:
        return {name: tf.convert_to_tensor(value) for name, value in flat.items()}
    except (TypeError, ValueError):
        kinds = ", ".join(f"{name}: {type(value).__name__}" for name, value in flat.items())
        text = f"expected a dict of numbers, received {{{kinds}}}: return tensors, metric.result() of metrics"
        raise Refusal(text) from None


def _flat(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Take the metrics out of Keras 3's one metric for all of them."""
    flat: dict[str, Any] = {}
    for name, value in logs.items():
        flat.update(value if isinstance(value, Mapping) else {name: value})
    return flat


def _metrics_of(model: Any) -> dict[str, Any]:
    import numpy as np

    try:
        results = model.get_metrics_result()
    except ValueError:
        # Keras 3: metrics that no step has updated have no result, and fit asks each at the end of an epoch.
        text = (
            "expected a step that updates the metrics that the model was compiled with, received one that "
            "does not, with which fit fails: end it with  "
            "return self.compute_metrics(x, y, y_pred, sample_weight)  or compile without metrics"
        )
        raise Refusal(text) from None
    return {name: np.array(value) for name, value in _flat(results).items()}


def _is_float(variable: Any) -> bool:
    # What counts or holds seeds moves in any case.
    return "float" in str(variable.dtype)


def _carried(concrete: Any, model: Any, optimizers: list[Any]) -> list[Any]:
    """Return the variables that may carry gradients over: not the model's, not an optimizer's."""
    owned = [*model.variables]
    for optimizer in optimizers:
        held = optimizer.variables
        owned += held() if callable(held) else held
    handles = {id(tf_variable(variable).handle) for variable in owned}
    return [variable for variable in concrete.variables if id(variable.handle) not in handles]


def _watched_class(cls: Any, watch: Watch) -> type:
    import tensorflow as tf

    def losses(self: Any) -> list[Any]:
        own = cls.losses.__get__(self)
        if watch.loss_factor is None or tf.executing_eagerly():
            return list(own)
        watch.own_losses = max(watch.own_losses, len(own))
        return [loss * tf.cast(watch.loss_factor, loss.dtype) for loss in own]

    watched: type = type(cls)(cls.__name__, (cls,), {"losses": property(losses)})
    return watched


def _watch_optimizer(optimizer: Any, watch: Watch, weights: list[Any], *, applies: bool) -> None:
    import tensorflow as tf

    attributes = vars(optimizer)
    if line_of(optimizer) == "keras":
        apply = optimizer.apply

        def applied(grads: Any, trainable_variables: Any = None) -> Any:
            grads = list(grads)
            # Without variables it means those that it was built with, and this is a copy.
            known = list(weights if trainable_variables is None else trainable_variables)
            watch.applied += zip(grads, known, strict=False)
            if all(gradient is None for gradient in grads):
                raise Refusal(NO_GRADIENT)
            return apply(grads, known) if applies else None

        attributes["apply"] = applied
    else:
        apply_gradients = optimizer.apply_gradients

        def gradients_applied(grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
            pairs = list(grads_and_vars)
            watch.applied += pairs
            if all(gradient is None for gradient, _ in pairs):
                raise Refusal(NO_GRADIENT)
            return apply_gradients(pairs, *args, **kwargs) if applies else None

        attributes["apply_gradients"] = gradients_applied
    if not scales_loss(optimizer):
        return
    watch.scaling = True
    if line_of(optimizer) == "keras":
        # Keras 3 unscales gradients as it applies them.
        name, watch.scale_call, watch.unscales = "scale_loss", "self.optimizer.scale_loss(loss)", True
    else:
        name, watch.scale_call = "get_scaled_loss", "self.optimizer.get_scaled_loss(loss)"
        unscale = optimizer.get_unscaled_gradients

        def unscaled(gradients: Any) -> Any:
            watch.unscales = True
            return unscale(gradients)

        attributes["get_unscaled_gradients"] = unscaled
    scale = getattr(optimizer, name)

    def scaled(loss: Any) -> Any:
        made = scale(loss)
        return made if callable(made) else made * tf.cast(watch.scale_factor, made.dtype)

    attributes[name] = scaled
