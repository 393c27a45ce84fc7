"""What is known of a run before it begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.interrupt import InterruptCount, count_here

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.runs.run import Run
    from nbkeras.runs.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Continued:
    """How far a run had come that goes on.

    Attributes:
        steps: steps of the whole run that count.
        epochs: epochs that had come to their end.
        history: metric -> value by epoch, from 1: a log may lack the last ones, if the kernel was killed.
    """

    steps: int
    epochs: int
    history: dict[str, dict[int, float]] = field(default_factory=dict)


@dataclass(slots=True)
class Plan:
    """What is known of a run before it begins."""

    id: str | None = None
    kind: Kind = "fit"
    name: str = ""
    epochs: int | None = None
    batch_size: int | None = None
    max_time: float | None = None
    view: bool = True
    drawn: bool = False
    """Keras draws a bar of its own, or prints lines."""
    notes: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    results: Callable[[Any, Run], None] | None = None
    """Called with the model and its run when a ``fit`` has come to its end, before the run is closed."""
    continues: Continued | None = None
    """Where an earlier run of this id goes on."""
    interrupts: InterruptCount = field(default_factory=count_here)
