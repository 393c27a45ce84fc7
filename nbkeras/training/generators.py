"""Generators under a strategy: Keras 3 would lose batches of them as it learns their shapes."""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.exact import ExactBackupHooks
from nbkeras.callbacks.begun import begun_class
from nbkeras.data.held_generator import held_until
from nbkeras.runtime.keras_lines import line_of
from nbkeras.training.callback_lists import members_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbkeras.training.calls import Call


def hold_generators(call: Call, others: Iterable[Any]) -> tuple[list[str], list[Any]]:
    """Put generators that wait for the training in the place of a call's own, where they would lose batches.

    That of a validation stays as it is beside a backup, whose replay has callbacks hear of no validation, and
    where the model's own ``evaluate`` may not tell them: held, it would never end.

    Args:
        call: any call; of a ``fit`` or ``evaluate`` under a strategy on Keras 3 the data are replaced.
        others: the callbacks that it is given beside its own.

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
        if isinstance(batches, GeneratorType) and (name == "x" or _tells_of_validations(call, others)):
            call.set(name, held_until(event, batches))
            which = "the generator" if name == "x" else "the validation's generator"
            lost = "while Keras 3 learns its shapes, which would lose batches of it"
            notes.append(f"{which} is held back {lost}")
    return notes, [begun] * bool(notes)


def _tells_of_validations(call: Call, others: Iterable[Any]) -> bool:
    """Tell whether callbacks hear of all validations of a ``fit``."""
    callbacks = [*members_of(call.get("callbacks")), *others]
    backs_up = any(isinstance(each, ExactBackupHooks) for each in callbacks)
    return not backs_up and type(call.model).evaluate.__module__.startswith("keras.")
