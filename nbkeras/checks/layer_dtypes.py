"""In which formats the layers of a model compute, and which of them give its output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_model, line_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT = ("float16", "bfloat16")


def computing(model: Any) -> list[Any]:
    """Return the layers of a model that compute something: those in layers, too, and no inputs or models."""
    if line_of(model) is None:
        return []
    flat = model._flatten_layers()  # noqa: SLF001 - no public name reaches layers in layers
    return [each for each in flat if not is_model(each) and type(each).__name__ != "InputLayer"]


def counted(model: Any) -> dict[str, int]:
    """Return how many layers of a model compute in each format."""
    found: dict[str, int] = {}
    for layer in computing(model):
        found[str(layer.compute_dtype)] = found.get(str(layer.compute_dtype), 0) + 1
    return found


def in_words(model: Any) -> str:
    """Say in which formats a model's layers compute: ``2 layers in bfloat16, 1 in float32``."""
    first, *rest = [f"{count} in {dtype}" for dtype, count in counted(model).items()] or ["none"]
    count, _, dtype = first.partition(" ")
    return ", ".join([f"{count} layer{'s' * (count != '1')} {dtype}".rstrip(), *rest])


def output_layers(model: Any) -> list[Any]:
    """Return the layers that give a model's output; none for a subclass, which does not say."""
    return list({id(layer): layer for layer in _ends(model)}.values())


def _ends(model: Any) -> Iterator[Any]:
    try:
        outputs = model.outputs
    except (AttributeError, ValueError):
        outputs = None
    for tensor in outputs or ():
        history = getattr(tensor, "_keras_history", None)
        if history is not None:
            # On both lines the first of it is the layer that the tensor comes from.
            yield from _ends(history[0]) if is_model(history[0]) else [history[0]]
    if not outputs and "Sequential" in {cls.__name__ for cls in type(model).__mro__} and model.layers:
        # It waits for the shape of its first batch.
        last = model.layers[-1]
        yield from _ends(last) if is_model(last) else [last]
