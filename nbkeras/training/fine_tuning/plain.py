"""The plain Keras code of a fine-tuning, with `fit` or with a loop of one's own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.models.recompiling import Compiled
from nbkeras.runtime.keras_lines import active_line, keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.added import added_callbacks
from nbkeras.training.calls import DEFAULT_BATCH_SIZE
from nbkeras.training.fine_tuning.named_layers import frozen, norms, refuse_unreached, walk
from nbkeras.training.metric_names import compiled_directions
from nbkeras.training.options import FitOptions, parse_early_stopping

if TYPE_CHECKING:
    from nbkeras.models.base_and_head import Parts
    from nbkeras.runtime.keras_lines import Line
    from nbkeras.training.fine_tuning.plan import FineTuningPlan, PlannedStage


@dataclass(frozen=True, slots=True)
class CodeNames:
    """What the notebook calls the model and the data; None for what is not given."""

    model: str
    x: str
    y: str | None = None
    validation_data: str | None = None
    validation_split: float = 0.0
    batch_size: int | None = None
    augmentation: str | None = None
    augments_as_layer: bool = True
    own_objects: str | None = None
    """Of a dict with the user's functions and classes, by which Keras finds them."""


def fine_tuning_code(
    model: Any, parts: Parts, plan: FineTuningPlan, names: CodeNames, *, loop: bool = False
) -> str:
    """Return code that trains a model in the same stages without nbkeras.

    Args:
        model: built and compiled.
        parts: its base and head.
        plan: what each stage trains.
        names: what the notebook calls things.
        loop: write a training loop in place of ``fit``.

    Raises:
        Refusal: for what plain Keras, or a loop of this form, has no words for.
    """
    _refuse_unmade(model)
    line = line_of(model) or active_line()
    imports, body = imports_and_body(model, parts, plan, names, Compiled(model), line=line, loop=loop)
    return "\n".join(imports) + "\n\n" + body


def imports_and_body(
    model: Any,
    parts: Parts,
    plan: FineTuningPlan,
    names: CodeNames,
    compiled: Any,
    *,
    line: Line,
    loop: bool = False,
) -> tuple[list[str], str]:
    """Return what `fine_tuning_code` does in two pieces, for code that has more around it.

    Args:
        model: as for `fine_tuning_code`, or on paper.
        parts: its base and head.
        plan: what each stage trains.
        names: what the notebook calls things.
        compiled: how the model is compiled.
        line: the Keras line to write for.
        loop: write a training loop in place of ``fit``.

    Raises:
        Refusal: as `fine_tuning_code` does.
    """
    _refuse(model, parts, plan, names, line=line, loop=loop)
    pieces = [
        _layers(parts, model.layers, names.model),
        _stages(model, plan, parts, names, loop=loop),
        _BEGIN.replace("MODEL", names.model),
        _compiled(compiled).replace("MODEL", names.model),
    ]
    if any(each.factors for each in plan.stages):
        pieces.append(_RATED)
    pieces.append(_loop(names) if loop else _fit(plan, names))
    return _imports(plan, names, loop=loop), "\n\n".join(piece.strip("\n") for piece in pieces) + "\n"


def _refuse(
    model: Any, parts: Parts, plan: FineTuningPlan, names: CodeNames, *, line: Line, loop: bool
) -> None:
    scheduled = next((e for e in plan.stages if callable(e.stage.learning_rate)), None)
    if scheduled is not None:
        raise Refusal(
            f"code: expected rates that are numbers, received a schedule in stage {scheduled.number}: write "
            "it in its place"
        )
    if any(each.factors for each in plan.stages) and (loop or line == "tf_keras"):
        what = "a loop" if loop else "tf_keras"
        raise Refusal(
            f"code: expected one rate for all layers with {what}, received a depth factor: type  "
            "--depth-factor 1"
        )
    if loop and (names.y is None or len(getattr(model, "outputs", None) or [0]) > 1):
        raise Refusal(
            "code: expected arrays x and y and one output for a loop, received others: leave out  --loop"
        )
    refuse_unreached(model, parts)


def _refuse_unmade(model: Any) -> None:
    """Refuse a compilation that the code could not make again from its configuration."""
    keras = keras_module(line_of(model))
    try:
        with warnings.catch_warnings():
            # Keras tells of each lambda.
            warnings.simplefilter("ignore")
            keras.saving.deserialize_keras_object(model.get_compile_config())
    except (AttributeError, ImportError, TypeError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].partition(". ")[0].rstrip(".")
        raise Refusal(
            f"code: expected a loss and metrics that Keras makes from their configuration, received others "
            f"({first}): put  @keras.saving.register_keras_serializable()  above them, or give their names"
        ) from error


def _imports(plan: FineTuningPlan, names: CodeNames, *, loop: bool) -> list[str]:
    lines = ["import re\n"] if any(each.factors for each in plan.stages) else []
    needs_tf = loop or (names.augmentation is not None and names.y is not None)
    return [*lines, *(["import tensorflow as tf"] if needs_tf else []), "from tensorflow import keras"]


def _layers(parts: Parts, layers: Any, name: str) -> str:
    # Only who has a TimeDistributed, or another layer around a layer, needs to read of it.
    wraps = any(hasattr(each, "layer") and not hasattr(each, "layers") for each in walk(layers))
    wrapped = " and wrappers" if wraps else ""
    inner = 'getattr(layer, "layers", [])'
    if wraps:
        inner = 'getattr(layer, "layers", [layer.layer] if hasattr(layer, "layer") else [])'
    return f'''
def walk(layers):
    """Yield layers, and those of nested models{wrapped}."""
    for layer in layers:
        yield layer
        yield from walk({inner})


layers = {{layer.name: layer for layer in walk({name}.layers)}}
# The layers of the base that hold weights, from the first to the last.
base = {[each.name for each in parts.base]!r}
# They keep their statistics and use them.
batch_norms = {[each.name for each in norms(parts)]!r}
# Of the head.
frozen = {[each.name for each in frozen(parts)]!r}
'''


def _stages(model: Any, plan: FineTuningPlan, parts: Parts, names: CodeNames, *, loop: bool) -> str:
    validates = bool(names.validation_data or names.validation_split)
    rated = any(each.factors for each in plan.stages)
    rows = [
        _stage_row(model, each, parts, loop=loop, rated=rated, validates=validates) for each in plan.stages
    ]
    what = "# From which layer of the base on it trains, its batch normalization, epochs, learning rate"
    what += "." if loop else ", factors of it, callbacks." if rated else ", callbacks."
    kept = [_KEPT] if any(each.kept for each in plan.stages) else []
    return "\n".join([what, *kept, "stages = [", *rows, "]"])


def _stage_row(
    model: Any, each: PlannedStage, parts: Parts, *, loop: bool, rated: bool, validates: bool
) -> str:
    rate = "None" if each.stage.learning_rate is None else repr(float(each.stage.learning_rate))
    first = len(parts.base) - len(each.thawed)
    if loop:
        return f"    ({first}, {each.stage.batch_norm}, {each.stage.epochs}, {rate}),"
    factors = f" { ({layer.name: factor for layer, factor in each.factors.items()})!r}," if rated else ""
    stopping = "[]"
    if each.stage.early_stopping is not None:
        stopping = f"[{_early_stopping(model, each, validates=validates)}]"
    return f"    ({first}, {each.stage.batch_norm}, {each.stage.epochs}, {rate},{factors} {stopping}),"


def _early_stopping(model: Any, each: PlannedStage, *, validates: bool) -> str:
    options = FitOptions(early_stopping=parse_early_stopping(each.stage.early_stopping or 0))
    directions = compiled_directions(model)
    (added,) = added_callbacks(options, run="", has_validation=validates, directions=directions)
    return added.code


_KEPT = """\
# Where the head trains alone, %finetune computes the base's outputs once. Here they are computed in every
# epoch: the same but for rounding."""

_BEGIN = '''
def freeze(first, batch_norm):
    """Let the head and the base from a layer on train."""
    # One by one: setting it on the model alone does nothing where it is True already.
    for layer in [MODEL, *walk(MODEL.layers)]:
        layer.trainable = layer.name not in frozen
    for name in base[:first]:
        layers[name].trainable = False
    for name in [] if batch_norm else batch_norms:
        layers[name].trainable = False
'''

_COMPILE = '''
compiled = MODEL.get_compile_config()
old = getattr(MODEL.optimizer, "inner_optimizer", MODEL.optimizer)
optimizer_class, optimizer_config = CLASS, old.get_config()
CHANGED


def new_optimizer(rate, factor=1):
    """Make an optimizer like the one that the model was compiled with: it knows what trains now."""
    rate = optimizer_config["learning_rate"] if rate is None else rate * factor
    return optimizer_class.from_config({**optimizer_config, "learning_rate": rate})
'''


def _compiled(compiled: Any) -> str:
    kind, changed = "type(old)", ""
    if compiled.has_factors:
        kind, changed = f"keras.optimizers.{compiled.kind}", 'del optimizer_config["factors"]\n'
    return _COMPILE.replace("CLASS", kind).replace("CHANGED\n", changed)


_RATED = '''
def rated_optimizer(rate, factors):
    """Give each layer of the base its own rate."""
    groups = {}
    for name, factor in factors.items():
        groups.setdefault(factor, []).extend(re.escape(w.path) for w in layers[name].weights)
    rate = optimizer_config["learning_rate"] if rate is None else rate
    rates = {"|".join(paths): new_optimizer(rate, factor) for factor, paths in groups.items()}
    return keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(new_optimizer(rate), rates)
    )
'''


def _fit(plan: FineTuningPlan, names: CodeNames) -> str:
    data, before = _data(names)
    optimizer, factors = "new_optimizer(rate)", ""
    if any(each.factors for each in plan.stages):
        factors = " factors,"
        optimizer = "rated_optimizer(rate, factors) if factors else new_optimizer(rate)"
    return f"""
{before}epoch = 0
for first, batch_norm, epochs, rate,{factors} callbacks in stages:
    freeze(first, batch_norm)
    # Loss and metrics stay as they are; what is trainable counts from compile on.
    settings = {_settings(names)}
    {names.model}.compile(**{{**settings, "optimizer": {optimizer}}})
    history = {names.model}.fit(
        {data},
        initial_epoch=epoch,
        epochs=epoch + epochs,
        callbacks=callbacks,
    )
    epoch = history.epoch[-1] + 1
"""


def _settings(names: CodeNames) -> str:
    custom = f", custom_objects={names.own_objects}" if names.own_objects else ""
    # Keras 3 behind tensorflow has no keras.saving (TensorFlow 2.21).
    return f"keras.utils.deserialize_keras_object(compiled{custom})"


def _data(names: CodeNames) -> tuple[str, str]:
    """Return the arguments of ``fit``, and the lines before it."""
    validation = [f"validation_data={names.validation_data}"] if names.validation_data else []
    if names.augmentation is None:
        given = [names.x, *([names.y] if names.y else []), *validation]
        given += [f"validation_split={names.validation_split!r}"] if names.validation_split else []
        given += [f"batch_size={names.batch_size}"] if names.batch_size else []
        return ",\n        ".join(given), ""
    call = _augmented(names)
    augment = f"""
def augment(inputs, *rest):
    return ({call}, *rest)


"""
    if names.y is None:
        return ",\n        ".join([f"{names.x}.map(augment)", "shuffle=False", *validation]), augment.lstrip(
            "\n"
        )
    x, y, lines = names.x, names.y, ""
    if names.validation_split and not validation:
        lines = f"count = int(len({x}) * {1.0 - names.validation_split!r})\n"
        validation = [f"validation_data=({x}[count:], {y}[count:])"]
        x, y = f"{x}[:count]", f"{y}[:count]"
    size = names.batch_size or DEFAULT_BATCH_SIZE
    lines += f"batches = tf.data.Dataset.from_tensor_slices(({x}, {y}))\n"
    lines += f"batches = batches.shuffle(len({x})).batch({size}).map(augment)\n"
    return ",\n        ".join(["batches", "shuffle=False", *validation]), augment.lstrip("\n") + lines


def _augmented(names: CodeNames) -> str:
    # Keras's layers are off otherwise.
    return f"{names.augmentation}(inputs{', training=True' if names.augments_as_layer else ''})"


def _loop(names: CodeNames) -> str:
    size = names.batch_size or DEFAULT_BATCH_SIZE
    x, y, count = names.x, names.y, ""
    if names.validation_split:
        count = f"count = int(len({x}) * {1.0 - names.validation_split!r})\n"
        x, y = f"{x}[:count]", f"{y}[:count]"
    inputs = "inputs" if names.augmentation is None else _augmented(names)
    model = names.model
    return f"""
{count}batches = tf.data.Dataset.from_tensor_slices(({x}, {y})).shuffle(len({x})).batch({size})
loss_fn = keras.losses.get({_settings(names)}["loss"])
mean_loss = keras.metrics.Mean()


def train(optimizer, epochs):
    # Made anew for each stage: once traced, a step keeps the weights that it found trainable.
    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(loss_fn(targets, {model}({inputs}, training=True)))
            loss += sum({model}.losses)
        # Not all weights: the tape has gradients for frozen ones, too.
        weights = {model}.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        mean_loss.update_state(loss)

    for epoch in range(epochs):
        mean_loss.reset_state()
        for inputs, targets in batches:
            step(inputs, targets)
        print(f"epoch {{epoch + 1}}: loss {{float(mean_loss.result()):.4f}}")


for first, batch_norm, epochs, rate in stages:
    freeze(first, batch_norm)
    train(new_optimizer(rate), epochs)
"""
