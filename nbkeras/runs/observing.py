"""What a run tells those who look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nbkeras.runs.run import Run


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


class Observer(Protocol):
    """Whoever wants to be told of a run: a view, the log.

    Both methods are called in the thread that trains. An observer that raises
    is told nothing more, and the run says so in a note.
    """

    def on_tick(self, run: Run, fresh: Fresh) -> None:
        """Take what came since the last tick."""

    def on_end(self, run: Run) -> None:
        """Take the end: the status is final, and no tick follows."""
