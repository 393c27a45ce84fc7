"""Which layers of a model are its base, trained before, and which its new head."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from nbkeras.models.blocks import Block, blocks_of
from nbkeras.models.layer_graph import has_graph, nested, units, up_to
from nbkeras.runtime.refusal import Refusal

_ENDS = re.compile(r"Global\w+Pooling\dD|Flatten")
_POOLS = re.compile(r"\w+Pooling\dD")
_MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """A model's base and head.

    Attributes:
        name: what the base is called: the nested model, or its last layer.
        base: its layers that hold weights, from the first to the last.
        head: those of all other layers.
        blocks: the base again, in blocks.
    """

    name: str
    base: tuple[Any, ...]
    head: tuple[Any, ...]
    blocks: tuple[Block, ...]


def base_and_head(model: Any, base: str | None = None) -> Parts:
    """Find the base and the head of a model.

    The base is the largest nested model with what feeds it, or else, in a model of plain layers, everything
    up to its last pooling or flattening that has layers with weights behind it; the head is all the rest. A
    nested model with less than half of the weights before that pooling is a block of plain layers.

    Args:
        model: a built model of either Keras line.
        base: name of the nested model or of the last layer of the base; by default it is found.

    Raises:
        Refusal: where there is no such layer, or no base or head can be told.
    """
    if not getattr(model, "built", False) or not model.weights:
        raise Refusal(
            f"model: expected a built model, received {model.name!r} without weights: call  "
            "model.build(shape)"
        )
    if base is not None:
        return _given(model, base)
    flat = _flat(model)
    found = _nested(model, flat) or flat
    if found is None:
        how = "a subclassed model" if not has_graph(model) else "no pooling or flattening that splits it"
        raise Refusal(
            f"base: expected a nested model or layers that can be told apart, received {how}: give the name "
            f"of the base or of its last layer, such as  base={_example(model)!r}"
        )
    return found


def _given(model: Any, name: str) -> Parts:
    layers = list(model.layers)
    layer = next((each for each in layers if each.name == name), None)
    if layer is None:
        names = [each.name for each in layers]
        near = difflib.get_close_matches(str(name), names, n=1) or [_example(model)]
        shown = ", ".join(names[:_MOST_NAMES]) + (" …" if len(names) > _MOST_NAMES else "")
        raise Refusal(
            f"base: expected a layer of {model.name!r} ({shown}), received {name!r}: give  base={near[0]!r}"
        )
    parts = _parts(model, layer)
    if parts is None:
        raise Refusal(
            f"base: expected layers with weights up to the base's end and behind it, received {name!r} with "
            f"none on one side: give another layer, such as  base={_example(model)!r}"
        )
    return parts


def _nested(model: Any, flat: Parts | None) -> Parts | None:
    """Return the parts with the largest nested model as the base, None where it is a mere block."""
    models = [each for each in model.layers if nested(each) is not None and each.weights]
    if not models or not has_graph(model):
        return None
    most = max(each.count_params() for each in models)
    # ConvNeXt, say, is a model of plain layers but for the blocks between its stages.
    if flat is not None and 2 * most < sum(each.count_params() for each in flat.base):
        return None
    largest = [each for each in models if each.count_params() == most]
    if len(largest) > 1:
        names = " and ".join(repr(each.name) for each in largest)
        raise Refusal(
            f"base: expected one largest nested model, received {names}: give  base={largest[0].name!r}  or "
            "join them in one model"
        )
    return _parts(model, largest[0])


def _flat(model: Any) -> Parts | None:
    if not has_graph(model):
        return None
    layers = [each for each in model.layers if nested(each) is None]
    for pattern in (_ENDS, _POOLS):
        for layer in reversed(layers):
            if pattern.fullmatch(type(layer).__name__) and (parts := _parts(model, layer)):
                return parts
    return None


def _parts(model: Any, last: Any) -> Parts | None:
    """Return the parts where a layer is the last of the base, None where one of them would hold nothing."""
    layers = up_to(model, last) if has_graph(model) else [last]
    base = list({id(each): each for each in units(layers)}.values())
    held = {id(each) for each in base}
    head = list({id(each): each for each in units(model.layers) if id(each) not in held}.values())
    if not base or not head:
        return None
    return Parts(last.name, tuple(base), tuple(head), blocks_of(layers))


def _example(model: Any) -> str:
    held = [each.name for each in model.layers if each.weights]
    return str(held[max(0, len(held) - 2)]) if held else "base"
