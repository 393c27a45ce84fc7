"""A run's progress as one line of text that fits a terminal."""

from __future__ import annotations

import math
import unicodedata
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals, wording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.runs.progress import Progress

_BAR = 12
_MINUTE, _HOUR = 60, 3600
# How many metrics matter more than the bar.
_FIRST = 2


def progress_line(
    progress: Progress,
    values: Mapping[str, float],
    *,
    width: int,
    label: str = "",
    paused: bool = False,
    plain: bool = False,
) -> str:
    """Return the line that a terminal shows while a run is under way.

    What does not fit is left out whole, the least important first; nothing is cut in half.

    Example:
        >>> from nbkeras.runs.progress import Progress
        >>> progress_line(Progress(epoch=2, epochs=5, step=30, steps=60), {"loss": 0.25},
        ...               width=60, plain=True)
        'Epoch 2/5  [======>     ]  30/60  loss 0.2500'

    Args:
        progress: where the run stands.
        values: the current value of each metric, the most important first.
        width: how many columns the line may take.
        label: what is under way, for runs without epochs, such as ``"evaluate"``.
        paused: whether the run is paused now.
        plain: whether the terminal can show ASCII alone.
    """
    places: dict[int, str] = {}
    room = width
    for place, part in _by_importance(progress, values, label, paused=paused, plain=plain):
        taken = cells(part) + (2 if places else 0)
        if taken <= room:
            places[place] = part
            room -= taken
    return "  ".join(places[place] for place in sorted(places))


def cells(text: str) -> int:
    """Return how many columns a text takes in a terminal.

    Example:
        >>> cells("loss"), cells("損失")
        (4, 4)
    """
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "FW")
        for letter in text
    )


def clock(seconds: float) -> str:
    """Return a time as a stopwatch shows it.

    Example:
        >>> clock(7), clock(192), clock(7384)
        ('0:07', '3:12', '2:03:04')
    """
    whole = int(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE}:{whole % _MINUTE:02d}"
    return f"{whole // _HOUR}:{whole // _MINUTE % _MINUTE:02d}:{whole % _MINUTE:02d}"


def epoch_name(epoch: int, epochs: int | None) -> str:
    """Return ``"Epoch 3/10"``, or ``"Epoch 3"`` where the number of epochs is not known."""
    return f"Epoch {epoch}" if epochs is None else f"Epoch {epoch}/{epochs}"


def metric_parts(values: Mapping[str, float]) -> list[str]:
    """Return each metric's name with its value."""
    return [f"{wording.metric(name)} {numerals.value(number)}" for name, number in values.items()]


def _by_importance(
    progress: Progress, values: Mapping[str, float], label: str, *, paused: bool, plain: bool
) -> Iterator[tuple[int, str]]:
    """The line's parts, the most important first, each with its place in the line."""
    validating = progress.phase == "validate"
    step = progress.validation_step if validating else progress.step
    steps = progress.validation_steps if validating else progress.steps
    head = [label or epoch_name(max(progress.epoch, 1), progress.epochs)]
    head += ["paused"] * paused + ["validating"] * validating
    yield 0, " ".join(head)
    yield 2, f"{step}/{steps}" if steps else numerals.plural(step, "step")
    times = [clock(progress.elapsed)] * (progress.elapsed >= 1)
    if _known(progress.remaining):
        times.append(f"{clock(progress.remaining or 0.0)} left")
    if times:
        yield 3, ", ".join(times)
    metrics = metric_parts(values)
    yield from enumerate(metrics[:_FIRST], 6)
    if steps:
        yield 1, _bar(step / steps, plain=plain)
    yield from enumerate(metrics[_FIRST:], 6 + _FIRST)
    if _known(progress.step_rate):
        yield 4, f"{progress.step_rate:.3g} steps/s"
    if _known(progress.sample_rate):
        yield 5, f"{progress.sample_rate:,.0f} samples/s"


def _known(number: float | None) -> bool:
    return number is not None and math.isfinite(number)


def _bar(share: float, *, plain: bool) -> str:
    done = round(_BAR * min(1.0, share))
    if plain:
        tip = ">" if done < _BAR else ""
        return f"[{'=' * done}{tip}{' ' * (_BAR - done - len(tip))}]"
    return "━" * done + "╌" * (_BAR - done)
