"""The head row of a run: what it is called, how it stands, how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals, wording

if TYPE_CHECKING:
    from nbkeras.runs.record import RunRecord

_NAME_LENGTH = 80
_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Head:
    """What a run's head row says.

    Attributes:
        name: the run's name.
        status: its status, one word.
        reason: why it ended so, "" when there is nothing to say.
        facts: what is to be said beside it, such as ``"20 epochs"`` and ``"12.3s"``.
    """

    name: str
    status: str
    reason: str
    facts: tuple[str, ...]

    def plain(self) -> str:
        """Return the head row as one line of text."""
        status = f"{self.status} ({self.reason})" if self.reason else self.status
        return f"{self.name}: {', '.join([status, *self.facts])}"


def head_of(run: RunRecord) -> Head:
    """Return a run's head row.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "digits")
        >>> run.record_epoch(1, {"loss": 0.5})
        >>> run.finish("stopped", "stop button")
        >>> head_of(run).facts[0]
        '1 epoch'
    """
    kind = () if run.kind in ("fit", run.name) else (run.kind,)
    return Head(
        name=wording.line(run.name, _NAME_LENGTH),
        status=run.status,
        reason=wording.line(run.reason, _REASON_LENGTH),
        facts=(*kind, progress_of(run), numerals.seconds(run.seconds), numerals.moment(run.created)),
    )


def progress_of(run: RunRecord) -> str:
    """Return how far a run came, in epochs or, where there are none, in steps."""
    epochs = max((max(run.epoch_numbers(each), default=0) for each in run.metrics), default=0)
    if not epochs or run.kind in {"evaluate", "predict"}:
        return numerals.plural(run.progress.done, "step")
    asked = run.progress.epochs
    if asked is None or asked <= epochs:
        return numerals.plural(epochs, "epoch")
    return f"{numerals.count(epochs)} of {numerals.plural(asked, 'epoch')}"
