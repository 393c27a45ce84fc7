"""What a trial would move, and how it is put back: variables, random numbers, optimizers."""

from __future__ import annotations

import copy
import random
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.variables import replicas
from nbkeras.runtime.keras_lines import keras_module, line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


# TensorFlow's seed in a trial: a number that nobody chooses.
_SEED = 0x6E626B6572
# Keras 3's and tf_keras's.
_CONTAINERS = ("_compile_loss", "_compile_metrics", "compiled_loss", "compiled_metrics")


@contextmanager
def kept_values(model: Any, variables: Iterable[Any]) -> Iterator[None]:
    """Put the values of a model, of its metrics and of these variables back, bit for bit."""
    import numpy as np

    known = [*model.variables, *(v for m in model.metrics for v in m.variables), *variables]
    values = [np.array(variable.numpy()) for variable in known]
    try:
        yield
    finally:
        for variable, value in zip(known, values, strict=True):
            variable.assign(value)


@contextmanager
def kept_randomness(model: Any) -> Iterator[None]:
    """Leave every source of random numbers as it is; inside, the seeds of new graphs are always the same."""
    import numpy as np

    kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    layers = [(each, dict(vars(each))) for each in legacy_generators(model)]
    shared = getattr(sys.modules.get("tf_keras.src.backend"), "_SEED_GENERATOR", None)
    drawn = getattr(shared, "generator", None)
    drawn_state = drawn.getstate() if drawn else None
    try:
        with _another_seed():
            yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002
        if drawn is not None:
            drawn.setstate(drawn_state)
        for each, attributes in layers:
            vars(each).update(attributes)


@contextmanager
def _another_seed() -> Iterator[None]:
    """Let TensorFlow have a seed of ours, which is not the user's, and no operation of the user's."""
    # TensorFlow can set its seed but not tell it, and setting it would restart the operations that have
    # run: this is the one place of it that knows.
    from tensorflow.python.eager import context

    eager = context.context()
    before = {name: vars(eager)[name] for name in ("_seed", "_rng") if name in vars(eager)}
    # Operations of one seed are one operation, whose numbers would go on here (TensorFlow 2.21).
    seed = _SEED + (before["_seed"] == _SEED)
    # Without a generator, which is made with a seed, an operation that runs eagerly fails.
    vars(eager).update(_seed=seed, _rng=random.Random(seed))  # noqa: S311 - as TensorFlow does
    try:
        yield
    finally:
        del eager._rng  # noqa: SLF001
        vars(eager).update(before)


def legacy_generators(model: Any) -> Iterator[Any]:
    """Yield tf_keras's generators: their layers count up a seed in Python each time they are traced."""
    for layer in model._flatten_layers():  # noqa: SLF001 - layers inside layers, on both lines
        generator = getattr(layer, "_random_generator", None)
        if generator is not None and line_of(generator) == "tf_keras":
            yield generator


def is_optimizer(value: Any) -> bool:
    """Tell whether a value is an optimizer of either Keras line."""
    names = {base.__name__ for base in type(value).__mro__}
    return line_of(value) is not None and hasattr(value, "apply_gradients") and "Layer" not in names


def scales_loss(optimizer: Any) -> bool:
    """Tell whether an optimizer expects a loss that it has scaled (mixed_float16)."""
    names = {base.__name__ for base in type(optimizer).__mro__}
    return bool(names & {"LossScaleOptimizer", "BaseLossScaleOptimizer"})


@contextmanager
def other_optimizers(model: Any, named: dict[str, Any], namespace: dict[str, Any]) -> Iterator[list[Any]]:
    """Put a fresh copy of each optimizer in its place, so that a trial touches none; yield the copies.

    Args:
        model: whose optimizers to replace, with those of the models inside it.
        named: what the step names of the notebook: more models, more optimizers.
        namespace: the notebook, in which the latter stand.
    """
    places: list[tuple[dict[str, Any], str]] = []
    layers = [*model._flatten_layers()]  # noqa: SLF001 - as above
    owners = [model, *layers, *(v for v in named.values() if hasattr(v, "optimizer"))]
    for owner in {id(owner): owner for owner in owners}.values():
        attributes = getattr(owner, "__dict__", {})
        places += [(attributes, key) for key, value in attributes.items() if is_optimizer(value)]
    places += [(namespace, key) for key, value in named.items() if is_optimizer(value)]
    originals = [place[key] for place, key in places]
    copies = {id(optimizer): _copy(optimizer) for optimizer in originals}
    for (place, key), original in zip(places, originals, strict=True):
        place[key] = copies[id(original)]
    try:
        yield list(copies.values())
    finally:
        for (place, key), original in zip(places, originals, strict=True):
            place[key] = original


@contextmanager
def other_containers(model: Any) -> Iterator[None]:
    """Put a copy of each holder of compiled losses and metrics in its place that no batch has built yet.

    Built by a trial, they would count among the model's metrics, and ``fit`` might log others than without.
    The metrics that wait in them are as before afterwards: they are none of the model's yet, so that ``fit``
    would not set them to nothing before its first epoch.
    """
    import numpy as np

    attributes = vars(model)
    held = {name: attributes[name] for name in _CONTAINERS if attributes.get(name) is not None}
    waiting = {name: value for name, value in held.items() if not value.built}
    metrics = [metric for value in waiting.values() for metric in _metrics(value)]
    # What Keras 3 collects metrics in as it builds is one object in a holder and in its copy.
    shared = [(store, copy.copy(store)) for each in (*waiting.values(), *metrics) for store in _stores(each)]
    # tf_keras gives them another name when it builds their holder.
    before = [(metric, dict(vars(metric))) for metric in metrics]
    parts = [part for metric in metrics for each in metric.variables for part in replicas(each) or (each,)]
    values = [(part, np.array(part.numpy())) for part in parts]
    attributes.update({name: _twin(value) for name, value in waiting.items()})
    try:
        yield
    finally:
        attributes.update(waiting)
        for metric, held_then in before:
            vars(metric).clear()
            vars(metric).update(held_then)
        for part, value in values:
            part.assign(value)
        for store, content in shared:
            store.clear()
            if isinstance(store, set):
                store.update(content)
            else:
                store.extend(content)


def _metrics(holder: Any) -> list[Any]:
    import tensorflow as tf

    found = [each for each in tf.nest.flatten(list(vars(holder).values())) if hasattr(each, "reset_state")]
    return list({id(each): each for each in found}.values())


def _stores(holder: Any) -> list[list[Any] | set[int]]:
    lists = [value for value in vars(holder).values() if type(value) is list]
    ids = getattr(vars(holder).get("_tracker"), "stored_ids", {})
    return [*lists, *ids.values()]


def _twin(holder: Any) -> Any:
    # Keras 3 would make a copy by saving and loading, which these can't.
    twin = object.__new__(type(holder))
    vars(twin).update(vars(holder))
    return twin


def _copy(optimizer: Any) -> Any:
    try:
        return type(optimizer).from_config(optimizer.get_config())
    except Exception:  # noqa: BLE001 - an optimizer of the user's own, which may do anything
        return optimizer


def build(model: Any, x: Any) -> None:
    """Make the weights of a model that waits for data, as the first fit would, and run nothing."""
    import tensorflow as tf

    if not model.built:
        specs = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), x)
        tf.function(lambda given: model(given, training=False), autograph=False).get_concrete_function(specs)


def built_in_step(model: Any, method: str) -> Any:
    """Return Keras's own step, to be called with the model."""
    return getattr(keras_module(line_of(model)).Model, method)
