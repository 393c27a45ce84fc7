"""What a fine-tuning came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.training.fine_tuning.before import undo_fine_tuning

if TYPE_CHECKING:
    from nbkeras.runs.run import Run
    from nbkeras.training.fine_tuning.plan import FineTuningPlan


@dataclass(frozen=True, slots=True)
class FineTuning:
    """What a fine-tuning came to.

    Attributes:
        model: the model.
        plan: the stages as they were planned.
        histories: Keras's History of each stage that was trained.
        run: the one run of all stages.
    """

    model: Any
    plan: FineTuningPlan
    histories: tuple[Any, ...]
    run: Run

    @property
    def history(self) -> dict[str, list[float]]:
        """The metrics by epoch, over all stages."""
        # A History among the user's own callbacks is the one of all stages.
        single = {id(each): each.history for each in self.histories}.values()
        names = dict.fromkeys(name for each in single for name in each)
        return {name: [value for each in single for value in each.get(name, [])] for name in names}

    def undo(self) -> str:
        """Give the model weights, flags, optimizer and compile as before; return a line that says so."""
        return undo_fine_tuning(self.model)

    def __repr__(self) -> str:
        """Say what came of it in one line."""
        epochs = sum(len(each.epoch) for each in self.histories)
        how = f"{len(self.histories)} of {len(self.plan.stages)} stages, {epochs} epochs, {self.run.status}"
        return f"<FineTuning of {self.model.name!r}: {how}; .undo() gives the weights before>"
