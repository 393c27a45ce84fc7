"""How far a run has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbkeras.runs.vocabulary import Phase


@dataclass(slots=True)
class Progress:
    """How far a run has come; None stands for what nobody knows.

    The writer of the run changes it in place, views read it at their own pace.

    Attributes:
        phase: What is going on now.
        epoch: 1-based number of the epoch under way, 0 before the first.
        epochs: Epochs asked for.
        step: Steps done in this epoch.
        steps: Steps in an epoch.
        done: Steps done in the whole run.
        elapsed: Seconds of work, pauses not counted.
        remaining: Seconds to go.
        step_rate: Steps a second, smoothed.
        sample_rate: Samples a second, smoothed.
        learning_rate: The optimizer's learning rate.
        memory: Bytes of memory that the process holds.
        gpu_memory: Bytes of GPU memory in use by the process, as the framework reports them.
        validation_step: Steps done in the validation under way.
        validation_steps: Steps of a whole validation.

    """

    phase: Phase = "train"
    epoch: int = 0
    epochs: int | None = None
    step: int = 0
    steps: int | None = None
    done: int = 0
    elapsed: float = 0.0
    remaining: float | None = None
    step_rate: float | None = None
    sample_rate: float | None = None
    learning_rate: float | None = None
    memory: int | None = None
    gpu_memory: int | None = None
    validation_step: int = 0
    validation_steps: int | None = None
