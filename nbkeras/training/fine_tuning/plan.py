"""What the stages of a fine-tuning will train, told before anything is changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nbkeras.models.blocks import is_batch_norm
from nbkeras.models.layer_factors import inner_layers
from nbkeras.models.unfreezing import Flags, set_trainable, thawed_layers
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.fine_tuning.kept import exact_parts, why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbkeras.models.base_and_head import Parts
    from nbkeras.models.cached.splitting import Split
    from nbkeras.models.recompiling import Compiled
    from nbkeras.training.fine_tuning.data import Data
    from nbkeras.training.fine_tuning.stage import Stage

HEADER = ("stage", "trains", "layers", "parameters", "rate", "epochs", "updates")
TIMED = (*HEADER, "about")
# What shows a plan in a notebook, once somebody may ask for one.
shown_as: list[Callable[[FineTuningPlan], dict[str, Any]]] = []
_MINUTE = 60
_FEW = 10


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
        kept: the model in two parts where the outputs of its base are computed once, None elsewhere.
        seconds: how long it is going to take, None where nobody has measured.
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
    kept: Split | None = None
    seconds: float | None = None

    def cells(self, *, timed: bool = False) -> tuple[str, ...]:
        """Return the row of the table, with the time at its end if it is asked for."""
        time = [] if not timed else ["?" if self.seconds is None else about(self.seconds)]
        updates = "?" if self.updates is None else f"{self.updates:,}"
        numbers = (str(self.layers), f"{self.parameters:,}", self.rate, f"{self.stage.epochs:,}", updates)
        return (str(self.number), self.trains, *numbers, *time)


@dataclass(frozen=True, slots=True)
class FineTuningPlan:
    """The stages of a fine-tuning: a table as text, and as HTML in a notebook.

    Attributes:
        base: what the base is called.
        stages: one after the other.
        caching: one line: what is computed once, or why nothing is; "" where nobody asks.
        notes: what else there is to say.
        timed: whether the times were measured.
    """

    base: str
    stages: tuple[PlannedStage, ...]
    notes: tuple[str, ...] = ()
    caching: str = ""
    timed: bool = False

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table, its header first."""
        return [TIMED if self.timed else HEADER, *(each.cells(timed=self.timed) for each in self.stages)]

    @property
    def lines(self) -> list[str]:
        """What stands below the table."""
        return [*filter(None, [self.caching]), *self.notes]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return shown_as[0](self) if shown_as else {"text/plain": repr(self)}

    def __repr__(self) -> str:
        """Return the table as text."""
        rows = self.rows
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        lines = [
            "  ".join(
                cell.ljust(width) if at == 1 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *self.lines])


def about(seconds: float) -> str:
    """Return a time as roughly as it is known.

    Example:
        >>> about(0.4), about(34.2), about(310)
        ('1 s', '35 s', '5 min')
    """
    if seconds < _MINUTE:
        step = 1 if seconds < _FEW else 5
        return f"{max(1, step * round(seconds / step))} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes} min" if minutes < _MINUTE else f"{minutes / _MINUTE:.1f} h"


def planned(
    model: Any,
    parts: Parts,
    compiled: Compiled,
    stages: Sequence[Stage],
    data: Data,
    *,
    cache: bool | None = None,
) -> FineTuningPlan:
    """Return what the stages come to in a model, which is as it was afterwards.

    Args:
        model: built and compiled.
        parts: its base and head.
        compiled: how it is compiled.
        stages: as they were asked for.
        data: what they train on.
        cache: whether the base's outputs are computed once where the head trains alone: None where that is
            exact, True or a refusal, False never.

    Raises:
        Refusal: for a stage that the model does not allow.
    """
    plan = planned_without_data(model, parts, compiled, stages, None if data.x is None else data.steps)
    heads = [row.number for row in plan.stages if not row.thawed]
    if cache and not heads:
        raise Refusal(
            "cache: expected a stage that trains the head alone, received none: add  "
            "nbkeras.Stage('head', epochs=3)"
        )
    if not heads or cache is False:
        return plan
    flags = Flags(model)
    try:
        set_trainable(model, parts, [])
        kept, why = _kept(model, parts, data, must=cache is True)
    finally:
        flags.restore()
    rows = tuple(row if row.thawed else replace(row, kept=kept) for row in plan.stages)
    return replace(plan, stages=rows, caching=caching_line(parts.name, heads, why))


def planned_without_data(
    model: Any, parts: Parts, compiled: Any, stages: Sequence[Stage], steps: int | None
) -> FineTuningPlan:
    """Return what the stages come to in a model, or in one on paper, whatever the data are.

    Args:
        model: as for `planned`.
        parts: likewise.
        compiled: likewise.
        stages: likewise.
        steps: updates of an epoch, None where they are not known.

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


def caching_line(base: str, heads: Sequence[int], why: str) -> str:
    """Say what is computed once in the stages that train the head alone, or why nothing is."""
    stages = f"stage{'s' * (len(heads) > 1)} {' and '.join(map(str, heads))}"
    if why:
        return f"{stages}: {base!r} is computed in every epoch: {why}"
    return f"{stages}: the outputs of {base!r} are computed once (--no-cache)"


def _kept(model: Any, parts: Parts, data: Data, *, must: bool) -> tuple[Split | None, str]:
    try:
        return exact_parts(model, parts.name, data), ""
    except Refusal as refusal:
        why = why_not(refusal)
        if must:
            raise Refusal(f"cache: {why}: leave out  cache=True") from None
        return None, why


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
