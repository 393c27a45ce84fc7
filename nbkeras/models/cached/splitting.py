"""Parts a model in two at a layer: what comes up to it, and a head that shares its layers with the model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.models.graph_calls import Call, graph_calls, symbolic
from nbkeras.runtime.keras_lines import is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line

_MOST_NAMES = 8
# What has no weights, draws nothing, and is the same in training and in inference.
_FIXED = re.compile(r"\w*Pooling\dD|Flatten|Reshape|Activation|ReLU")


@dataclass(frozen=True, slots=True)
class Split:
    """A model in two parts.

    Attributes:
        model: the whole model.
        line: its Keras line.
        end: the last layer of the base.
        base: a model from the whole one's inputs to what the last layer of the base puts out.
        head: a model from there to the whole one's outputs. Both share all layers with the whole one.
        calls: the calls of layers in the base.
    """

    model: Any
    line: Line
    end: Any
    base: Any
    head: Any
    calls: tuple[Call, ...]


def split(model: Any, base: Any) -> Split:
    """Part a model behind a layer.

    Raises:
        Refusal: where the model has no graph, the layer is not one of its own layers, is used several times
            or gives several outputs, or something goes around it.
    """
    calls = graph_calls(model) if is_model(model) else None
    line = line_of(model)
    if calls is None or line is None:
        raise Refusal(
            "cached features: expected a built functional or sequential model, received "
            f"{_told(model)}: give it an  Input , or train it as it is"
        )
    end = _found(model, calls, base)
    uses = [call for call in calls if call.layer is end]
    if len(uses) != 1 or len(uses[0].outputs) != 1:
        many = f"{len(uses)} uses" if len(uses) != 1 else f"{len(uses[0].outputs)} outputs"
        raise Refusal(
            f"cached features: expected one use and one output of {end.name!r}, received {many}: give the "
            "name of a layer that all goes through"
        )
    cut = uses[0].outputs[0]
    makers = {id(tensor): call for call in calls for tensor in call.outputs}
    head = _reached(makers, model.outputs, cut, end)
    before = _reached(makers, [cut], None, end)
    loose = [call for call in calls if id(call) not in {id(each) for each in (*head, *before)}]
    if loose:
        raise Refusal(
            f"cached features: expected every layer before or behind {end.name!r}, received "
            f"{loose[0].layer.name!r} beside it: give the name of a later layer"
        )
    if not head:
        raise Refusal(
            f"cached features: expected a head behind the base, received {end.name!r}, the model's last "
            "layer: give an earlier one"
        )
    keras = keras_module(line)
    with model.distribute_strategy.scope():
        return Split(
            model,
            line,
            end,
            keras.Model(symbolic(model, "input"), cut, name=f"{model.name}_base"),
            keras.Model(cut, symbolic(model, "output"), name=f"{model.name}_head"),
            tuple(before),
        )


def behind(model: Any, base: Any) -> Any:
    """Return the last of the layers that can be computed once with a base: poolings and the like behind it.

    A pooled output is a small part of the base's own, and the head has less to do.

    Args:
        model: a model of either Keras line.
        base: one of its layers, by itself or by its name.
    """
    calls = graph_calls(model) or []
    end = next((call for call in calls if base in (call.layer, call.layer.name)), None)
    results = {id(tensor) for tensor in model.outputs} if calls else set()
    while end is not None and len(end.outputs) == 1:
        cut = end.outputs[0]
        takers = [call for call in calls if any(each is cut for each in call.inputs)]
        uses = sum(call.layer is takers[0].layer for call in calls) if takers else 0
        if id(cut) in results or (len(takers), uses) != (1, 1) or not _is_fixed(takers[0], results):
            break
        end = takers[0]
    return base if end is None else end.layer


def _is_fixed(call: Call, results: set[int]) -> bool:
    name = type(call.layer).__name__
    is_last = any(id(tensor) in results for tensor in call.outputs)
    return _FIXED.fullmatch(name) is not None and len(call.inputs) == 1 and not is_last


def _found(model: Any, calls: list[Call], base: Any) -> Any:
    layers = {id(call.layer): call.layer for call in calls if not call.is_input}
    for layer in layers.values():
        if layer is base or (isinstance(base, str) and layer.name == base):
            return layer
    names = [layer.name for layer in layers.values()]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    raise Refusal(
        f"cached features: expected the base, or its last layer, of {model.name!r}, received {_told(base)}: "
        f"it has {', '.join(names[:_MOST_NAMES])}{more}"
    )


def _reached(makers: dict[int, Call], tensors: Any, cut: Any, end: Any) -> list[Call]:
    """Return the calls that tensors are made by, back to the cut."""
    found: dict[int, Call] = {}
    waiting = list(tensors)
    while waiting:
        tensor = waiting.pop()
        call = makers[id(tensor)]
        if tensor is cut or id(call) in found:
            continue
        if cut is not None and call.is_input:
            raise Refusal(
                f"cached features: expected all that the head gets to come from {end.name!r}, received "
                f"something of {call.layer.name!r} that goes around it: give the name of a later layer"
            )
        found[id(call)] = call
        waiting += call.inputs
    return list(found.values())


def _told(what: Any) -> str:
    if isinstance(what, str):
        return repr(what)
    name = getattr(what, "name", None)
    return type(what).__name__ if name is None else f"{type(what).__name__} {name!r}"
