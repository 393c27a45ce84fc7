"""Generators under a strategy: Keras 3 would lose batches of them as it learns their shapes."""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.begun import begun_class
from nbkeras.data.held_generator import held_until
from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from nbkeras.training.calls import Call


def hold_generator(call: Call) -> tuple[list[str], list[Any]]:
    """Put a generator that waits for the training in the place of a call's own, where it would lose batches.

    Args:
        call: any call; of a ``fit`` or ``evaluate`` under a strategy on Keras 3 the data are replaced.

    Returns:
        What is said, and the callbacks that belong to it.
    """
    model = call.model
    # As Keras 3 itself tells whether it looks at a first batch.
    is_looked_at = getattr(model, "_distribute_strategy", None) is not None and line_of(model) == "keras"
    if call.kind == "predict" or not is_looked_at:
        return [], []
    begun = begun_class("keras")()
    notes = []
    for name, event in {"x": begun.event, "validation_data": begun.validates}.items():
        batches = call.get(name)
        if isinstance(batches, GeneratorType):
            call.set(name, held_until(event, batches))
            which = "the generator" if name == "x" else "the validation's generator"
            lost = "while Keras 3 learns its shapes, which would lose batches of it"
            notes.append(f"{which} is held back {lost}")
    return notes, [begun] * bool(notes)
