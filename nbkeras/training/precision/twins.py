"""A model made again under another dtype policy, to measure with."""

from __future__ import annotations

from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbkeras.checks.half_precision import scales_loss
from nbkeras.checks.layer_dtypes import SHORT, computing, output_layers
from nbkeras.devices.policy import under_policy
from nbkeras.runtime.keras_lines import LINES, is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

FLOAT32 = "float32"


def twin_of(model: Any, policy: str) -> Any:
    """Return a model like another one under a policy, compiled alike, with weights of its own.

    It is made of configurations. Layers that give the output are float32, as are those that are float32 in a
    model that is mixed already. Its metrics are left out.

    Args:
        model: a compiled model; it stays as it is.
        policy: the name of a policy.

    Raises:
        Refusal: for a model that its configuration does not make again.
    """
    keras = keras_module(line_of(model))
    try:
        with (
            under_policy(policy),
            model.distribute_strategy.scope(),
            keras.utils.custom_object_scope(_own_objects(model)),
        ):
            made = _made(model, policy, keras)
            _compile(made, model)
    except Exception as error:
        raise Refusal(_refused(model, str(error))) from error
    if type(made) is not type(model) and _has_own_step(model):
        raise Refusal(_refused(model, "its train_step is lost"))
    return made


def _refused(model: Any, reason: str) -> str:
    first = reason.strip().partition("\n")[0][:120]
    return (
        f"mixed_precision: expected a model beside auto that its configuration makes again, received "
        f"{model.name!r} ({first}): give  on  or  off"
    )


def _made(model: Any, policy: str, keras: Any) -> Any:
    is_mixed = any(layer.compute_dtype in SHORT for layer in computing(model))
    ends = output_layers(model)
    kept = {id(layer) for layer in computing(model) if is_mixed and layer.compute_dtype == FLOAT32}
    kept |= {id(layer) for layer in ends}

    def again(layer: Any) -> Any:
        if is_model(layer):
            return keras.models.clone_model(layer, clone_function=again)
        if hasattr(layer, "adapt"):
            # What it has learned, such as a vocabulary, need not be in its configuration.
            return layer
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):
            config = _in_precision(config, FLOAT32 if id(layer) in kept else policy)
        return type(layer).from_config(config)

    if not {cls.__name__ for cls in type(model).__mro__} & {"Functional", "Sequential"}:
        # Its layers are made by its own code, under the policy in force.
        return type(model).from_config(model.get_config())
    with _kept_nodes(model):
        return keras.models.clone_model(model, clone_function=again)


def _in_precision(config: Any, dtype: str) -> Any:
    # Layers within layers have a precision of their own.
    if isinstance(config, list):
        return [_in_precision(each, dtype) for each in config]
    if not isinstance(config, dict) or config.get("class_name") == "InputLayer":
        return config
    return {
        key: dtype if key == "dtype" and "float" in str(value) else _in_precision(value, dtype)
        for key, value in config.items()
    }


def _compile(made: Any, model: Any) -> None:
    optimizer = model.optimizer
    while scales_loss(optimizer):
        optimizer = optimizer.inner_optimizer
    made.compile(
        optimizer=type(optimizer).from_config(optimizer.get_config()),
        loss=model.loss,
        run_eagerly=model.run_eagerly,
        # tf_keras has no public name for it.
        jit_compile=getattr(model, "jit_compile", getattr(model, "_jit_compile", None)),
    )


def _own_objects(model: Any) -> dict[str, Any]:
    """Return the classes and functions of a model's layers by the names that their configurations have."""
    found: dict[str, Any] = {}
    for layer in computing(model):
        found[type(layer).__name__] = type(layer)
        found |= {f.__name__: f for f in vars(layer).values() if isinstance(f, FunctionType)}
    return found


def _has_own_step(model: Any) -> bool:
    names = ("train_step", "compute_loss", "call")
    own = [cls for cls in type(model).__mro__ if cls.__module__.partition(".")[0] not in LINES]
    return any(name in vars(cls) for cls in own for name in names)


@contextmanager
def _kept_nodes(model: Any) -> Iterator[None]:
    """Take back what a layer that stands in two models notes of the second one."""
    noted = [
        nodes
        for layer in computing(model)
        if hasattr(layer, "adapt")
        for nodes in (layer._inbound_nodes, layer._outbound_nodes)  # noqa: SLF001 - no public name
    ]
    counts = [len(nodes) for nodes in noted]
    try:
        yield
    finally:
        for nodes, count in zip(noted, counts, strict=True):
            del nodes[count:]
