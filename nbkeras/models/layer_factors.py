"""How fast each weight of a model learns, from factors that are given for layers."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_NAMES = 8


def weight_factors(model: Any, factors: Mapping[Any, float]) -> list[float]:
    """Return a factor for each of a model's trainable weights, in their order.

    A weight takes the factor of the innermost layer that is named, and 1 without one. A layer's own name goes
    before a pattern.

    Args:
        model: a built model of either Keras line.
        factors: factors by layer, or by name of layer, in which ``*`` stands for any text.

    Raises:
        Refusal: for a factor that is no positive number, a name that no layer has, two factors for one
            layer or one shared weight, and a model without trainable weights.
    """
    weights = model.trainable_variables
    if not weights:
        raise Refusal(
            f"layer rates: expected a model with trainable weights, received {model.name!r} without any: "
            "call  model.build(shape)  first, or set  model.trainable = True"
        )
    for key, factor in factors.items():
        _check_factor(key, factor)
    named = _named_layers(model, factors)
    # A layer inside another one has fewer weights, or the same.
    named.sort(key=lambda each: -len(each[0].trainable_variables))
    found: dict[int, tuple[float, Any]] = {}
    for layer, factor in named:
        for weight in layer.trainable_variables:
            before, other = found.get(id(weight), (factor, layer))
            if before != factor and id(layer) not in map(id, inner_layers(other)):
                raise Refusal(
                    f"layer rates: expected one factor for a weight, received {before:g} of layer "
                    f"{other.name!r} and {factor:g} of layer {layer.name!r}, which share it: give one"
                )
            found[id(weight)] = (factor, layer)
    return [found[id(weight)][0] if id(weight) in found else 1.0 for weight in weights]


def inner_layers(model: Any) -> Iterator[Any]:
    """Yield all layers of a model, those inside others too."""
    # In public, models alone list what they hold; wrappers and the user's own layers do so here.
    seen: set[int] = set()
    for layer in model._flatten_layers(include_self=False, recursive=True):  # noqa: SLF001
        if id(layer) not in seen:
            seen.add(id(layer))
            yield layer


def _check_factor(key: Any, factor: Any) -> None:
    is_number = isinstance(factor, (int, float)) and not isinstance(factor, bool)
    if not is_number or not math.isfinite(factor) or factor <= 0:
        raise Refusal(
            f"layer rates: expected a factor above 0 for {_told(key)}, received {factor!r}: give  0.1 , or "
            "freeze the layer:  layer.trainable = False"
        )


def _named_layers(model: Any, factors: Mapping[Any, float]) -> list[tuple[Any, float]]:
    """Return the layers that are meant, each with its factor."""
    layers = list(inner_layers(model))
    found: list[tuple[Any, float]] = []
    used: set[int] = set()
    for layer in layers:
        exact = [key for key in factors if key is layer or key == layer.name]
        keys = exact or [key for key in factors if isinstance(key, str) and fnmatchcase(layer.name, key)]
        used.update(map(id, keys))
        if len(keys) > 1:
            raise Refusal(
                f"layer rates: expected one factor for layer {layer.name!r}, received those of "
                f"{' and '.join(map(_told, keys))}: leave one out"
            )
        found += [(layer, float(factors[key])) for key in keys]
    for key in factors:
        if id(key) not in used:
            names = [layer.name for layer in layers]
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            raise Refusal(
                f"layer rates: expected a layer of {model.name!r}, received {_told(key)}: it has "
                f"{', '.join(names[:_MOST_NAMES])}{more}"
            )
    return found


def _told(key: Any) -> str:
    return repr(key) if isinstance(key, str) else f"layer {getattr(key, 'name', key)!r}"
