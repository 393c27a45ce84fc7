"""Under which ``tf.distribute`` strategy a model and its optimizer were made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.training.calls import Call


def strategy_of_model(model: Any) -> Any:
    """Return the strategy that a model was made under, None without one, or where nothing tells it yet."""
    variables = _variables(model)
    if variables:
        return _strategy_of(variables[0])
    # Keras 3 makes variables under it later; tf_keras under the one that is in force by then.
    return getattr(model, "_distribute_strategy", None)


def refuse_model(call: Call, in_force: Any, own: Any) -> None:
    """Refuse a model that was made under another strategy than the one in force.

    Raises:
        Refusal: where Keras fails at it.
    """
    count = in_force.num_replicas_in_sync
    if own is None:
        has_variables = bool(_variables(call.model))
        if line_of(call.model) != "keras":
            # Its variables are made under the strategy in force.
            is_good = not has_variables
        else:
            # On one device Keras 3 trains it there; tf_keras fails as it makes the optimizer's variables.
            is_good = count == 1 or (call.kind == "predict" and not has_variables)
        if is_good:
            return
    where = "under another one" if own is not None else "outside of it"
    text = (
        f"{call.kind}: expected a model that was made under the strategy in force, with {_replicas(count)}, "
        f"received {call.model.name!r}, which was made {where}: make it again, in this cell or in one after "
        "%strategy"
    )
    raise Refusal(text)


def refuse_optimizer(call: Call, strategy: Any) -> None:
    """Refuse an optimizer that was not made under the strategy of its model.

    Raises:
        Refusal: on Keras 3, which makes variables with the optimizer and fails in the first step.
    """
    optimizer = getattr(call.model, "optimizer", None)
    if call.kind != "fit" or line_of(call.model) != "keras" or optimizer is None:
        return
    if all(_strategy_of(variable) is strategy for variable in getattr(optimizer, "variables", ())):
        return
    text = (
        "fit: expected an optimizer that was made under the strategy of its model, with "
        f"{_replicas(strategy.num_replicas_in_sync)}, received {optimizer.name!r}, which was made outside of "
        "it: compile the model with a new one, in a cell with that strategy"
    )
    raise Refusal(text)


def _replicas(count: int) -> str:
    return f"{count} replica{'s' * (count != 1)}"


def _variables(model: Any) -> list[Any]:
    """Return a model's variables, none where they are made with the first batch."""
    try:
        return list(model.weights)
    except ValueError:
        # tf_keras asks for ``build`` first.
        return []


def _strategy_of(variable: Any) -> Any:
    """Return the strategy that a variable was made under, None without one."""
    value = getattr(variable, "value", variable)
    # tf_keras has TensorFlow's variables, whose value is a method.
    held = variable if callable(value) else value
    # Of those of a OneDeviceStrategy only the private name tells (TensorFlow 2.21).
    return getattr(held, "distribute_strategy", None) or getattr(held, "_distribute_strategy", None)
