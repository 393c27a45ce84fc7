"""What the stages of a fine-tuning will train, told before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.models.blocks import is_batch_norm
from nbkeras.models.layer_factors import inner_layers
from nbkeras.models.unfreezing import Flags, set_trainable, thawed_layers
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.models.base_and_head import Parts
    from nbkeras.models.recompiling import Compiled
    from nbkeras.training.fine_tuning.stage import Stage

HEADER = ("stage", "trains", "layers", "parameters", "rate", "epochs", "updates")


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage, with what it comes to in this model.

    Attributes:
        number: from 1.
        stage: as it was asked for.
        thawed: the layers of the base that train.
        factors: factors of the rate by layer, for those of the base.
        trains: what trains, in words.
        layers: how many layers with weights train.
        parameters: how many numbers in them.
        rate: the learning rate, or the lowest and the highest.
        updates: steps of the whole stage, None where the data do not tell.
    """

    number: int
    stage: Stage
    thawed: tuple[Any, ...]
    factors: dict[Any, float]
    trains: str
    layers: int
    parameters: int
    rate: str
    updates: int | None

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        updates = "?" if self.updates is None else f"{self.updates:,}"
        numbers = (str(self.layers), f"{self.parameters:,}", self.rate, f"{self.stage.epochs:,}", updates)
        return (str(self.number), self.trains, *numbers)


@dataclass(frozen=True, slots=True)
class FineTuningPlan:
    """The stages of a fine-tuning: a table as text, and as HTML in a notebook."""

    base: str
    stages: tuple[PlannedStage, ...]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return the table as text."""
        rows = [HEADER, *(each.cells() for each in self.stages)]
        widths = [max(len(row[at]) for row in rows) for at in range(len(HEADER))]
        lines = [
            "  ".join(
                cell.ljust(width) if at == 1 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *self.notes])


def planned(
    model: Any, parts: Parts, compiled: Compiled, stages: Sequence[Stage], steps: int | None
) -> FineTuningPlan:
    """Return what the stages come to in a model, which is as it was afterwards.

    Args:
        model: built and compiled.
        parts: its base and head.
        compiled: how it is compiled.
        stages: as they were asked for.
        steps: updates of an epoch, None where the data do not tell.

    Raises:
        Refusal: for a stage that the model does not allow.
    """
    flags = Flags(model)
    rows = []
    try:
        for number, stage in enumerate(stages, 1):
            thawed = thawed_layers(parts, stage.unfreeze)
            set_trainable(model, parts, thawed, batch_norm=stage.batch_norm)
            rows.append(_row(number, stage, model, parts, compiled, thawed, steps))
    finally:
        flags.restore()
    return FineTuningPlan(parts.name, tuple(rows), _notes(parts, compiled, stages))


def _row(
    number: int,
    stage: Stage,
    model: Any,
    parts: Parts,
    compiled: Compiled,
    thawed: list[Any],
    steps: int | None,
) -> PlannedStage:
    weights = model.trainable_weights
    if not weights:
        raise Refusal(
            f"stage {number}: expected something that trains, received {stage.unfreeze!r} with a head that "
            "is frozen: set  trainable = True  on its layers"
        )
    factors = _factors(parts, thawed, stage.depth_factor)
    # One that cannot be made is refused now, and not after the stages before.
    compiled.new_optimizer(stage.learning_rate, factors)
    rate = compiled.learning_rate if stage.learning_rate is None else stage.learning_rate
    return PlannedStage(
        number,
        stage,
        tuple(thawed),
        factors,
        trains=_words(parts, thawed),
        layers=sum(1 for each in (*thawed, *parts.head) if each.trainable_weights),
        parameters=sum(_size(each) for each in weights),
        rate=_rates(rate, min(factors.values(), default=1.0)),
        updates=None if steps is None else steps * stage.epochs,
    )


def _factors(parts: Parts, thawed: list[Any], depth_factor: float) -> dict[Any, float]:
    """Return the factor of each layer of the base: the lowest block has the whole of it, the head none."""
    if depth_factor == 1 or not thawed:
        return {}
    held = {id(each) for each in thawed}
    blocks = [[each for each in block.layers if id(each) in held] for block in parts.blocks]
    blocks = [block for block in reversed(blocks) if block]
    return {
        layer: depth_factor ** (at / len(blocks))
        for at, block in enumerate(blocks, 1)
        for layer in block
        if layer.trainable_weights
    }


def _words(parts: Parts, thawed: list[Any]) -> str:
    if not thawed:
        return "head"
    if len(thawed) == len(parts.base):
        return f"head and all of {parts.name}"
    return f"head and {parts.name} from {thawed[0].name} up"


def _rates(rate: Any, lowest: float) -> str:
    if callable(rate):
        name = type(rate).__name__
        return name if lowest == 1 else f"{name}, x {lowest:g} at the lowest"
    return f"{rate:g}" if lowest == 1 else f"{rate * lowest:g} to {rate:g}"


def _size(weight: Any) -> int:
    size = 1
    for each in weight.shape:
        size *= int(each)
    return size


def _notes(parts: Parts, compiled: Compiled, stages: Sequence[Stage]) -> tuple[str, ...]:
    has_norm = any(is_batch_norm(each) for unit in parts.base for each in (unit, *inner_layers(unit)))
    notes = ["The time that is left is shown from the first epoch on."]
    if has_norm and not all(stage.batch_norm for stage in stages):
        notes.insert(
            0,
            "Batch normalization of the base stays in inference mode; Stage(batch_norm=True) trains it, too.",
        )
    if moved := [each.name for each in parts.base if type(each).__name__ == "SpectralNormalization"]:
        notes.append(
            f"SpectralNormalization scales its weights in training though it is frozen: {', '.join(moved)}."
        )
    if compiled.has_factors:
        notes.append("The factors of layer_rates are replaced by each stage's depth_factor.")
    return tuple(notes)
