"""`cosine_with_warmup`: Keras's own schedule, from epochs instead of steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.models.checked_numbers import counted, positive
from nbkeras.runtime.keras_lines import keras_module
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line


def cosine_with_warmup(
    max_rate: float,
    epochs: int,
    steps_per_epoch: int,
    *,
    warmup_epochs: float = 1.0,
    end_rate: float = 0.0,
    line: Line | None = None,
) -> Any:
    """Return Keras's ``CosineDecay`` that rises in a straight line first, and ends with the training.

    Example:
        >>> import nbkeras
        >>> rate = nbkeras.cosine_with_warmup(0.1, epochs=5, steps_per_epoch=10)
        >>> [f"{float(rate(step)):.3f}" for step in (0, 5, 10, 30, 50)]
        ['0.000', '0.050', '0.100', '0.050', '0.000']

    Args:
        max_rate: the highest rate, such as `nbkeras.lr_find` suggests.
        epochs: of the training.
        steps_per_epoch: batches in an epoch.
        warmup_epochs: epochs in which the rate rises from 0, fractions too. Default 1.0.
        end_rate: the last rate. Default 0.0.
        line: the Keras line whose schedule it is; by default the active one.

    Returns:
        A ``keras.optimizers.schedules.CosineDecay``.

    Raises:
        Refusal: for numbers out of range.
    """
    highest = positive(max_rate, "max_rate")
    per_epoch = counted(steps_per_epoch, "steps_per_epoch")
    steps = counted(epochs, "epochs") * per_epoch
    warmup = round(positive(warmup_epochs, "warmup_epochs") * per_epoch)
    if not 0 < warmup < steps:
        raise Refusal(
            f"warmup_epochs: expected a step at least and less than {epochs} epochs, received "
            f"{warmup_epochs!r}: give  1"
        )
    if not 0 <= end_rate <= highest:
        raise Refusal(f"end_rate: expected 0 to {highest:g}, received {end_rate!r}: give  0.0")
    return keras_module(line).optimizers.schedules.CosineDecay(
        0.0, steps - warmup, alpha=end_rate / highest, warmup_target=highest, warmup_steps=warmup
    )
