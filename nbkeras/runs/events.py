"""What happens to a run, and what came since its last tick."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a run, such as "learning rate set to 0.001".

    Attributes:
        step: Steps done in the whole run when it happened.
        text: What happened.
        time: When, in seconds since 1970.

    """

    step: int
    text: str
    time: float


@dataclass(slots=True)
class Fresh:
    """What came since the last tick.

    Attributes:
        steps: (total step number, values), in order.
        epochs: (1-based epoch, values), in order.
        events: What happened.
        snapshot: A view asked for the whole picture.

    """

    steps: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    epochs: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    snapshot: bool = False
