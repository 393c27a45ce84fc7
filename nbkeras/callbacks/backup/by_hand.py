"""What may be changed on a model between two runs of its training, and is no other training for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.learning_rate import read_learning_rate, schedule_of
from nbkeras.runtime.keras_lines import LINES, is_model

if TYPE_CHECKING:
    from collections.abc import Iterator


def settings_of(model: Any) -> dict[str, Any]:
    """Return an optimizer's learning rate, None where a schedule has it, and which layers are trainable."""
    optimizer = getattr(model, "optimizer", None)
    rate = None if schedule_of(optimizer) else read_learning_rate(optimizer)
    return {
        "rate": None if rate is None else float(f"{rate:.6g}"),
        "trainable": [[type(each).__name__, bool(each.trainable)] for each in _layers(model)],
    }


def changed_by_hand(backup: dict[str, Any], began: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say what a training that goes on has otherwise than it had, or otherwise than the model has now.

    Args:
        backup: what `settings_of` gave when the backup was made.
        began: what it gave when its training began.
        now: what it gives.
    """
    lines = []
    # A cell that makes its model anew has what the training began with; callbacks have changed it since.
    if now["rate"] not in (None, began["rate"], backup["rate"]) and backup["rate"] is not None:
        lines.append(f"learning rate {backup['rate']!r} as in the backup, not {now['rate']!r}")
    # tf_keras itself takes, inside of fit, what was trainable when the model was compiled.
    if now["trainable"] not in (began["trainable"], backup["trainable"]):
        pairs = zip(backup["trainable"], now["trainable"], strict=False)
        lines += [
            f"not exact: layer {number} ({name}) has trainable={mine}, and had {theirs}"
            for number, ((name, theirs), (_, mine)) in enumerate(pairs, 1)
            if theirs != mine
        ]
    return lines


def _layers(model: Any) -> Iterator[Any]:
    for each in model._flatten_layers(include_self=False, recursive=False):  # noqa: SLF001 - no public name
        # Sequential gets one with its first batch.
        if type(each).__name__ == "InputLayer" or not hasattr(each, "trainable"):
            continue
        yield each
        if is_model(each) or type(each).__module__.partition(".")[0] not in LINES:
            yield from _layers(each)
