"""The stages of a fine-tuning as a text, ``head:3:0.001, all:5:0.0001``, which a form edits by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.parameter import Number, Parameter, Whole, shown
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.fine_tuning.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 20
"""The most stages that a form has room for."""
EPOCHS = Whole(name="epochs", label="Epochs", help="How long the stage goes on.", default=3, maximum=100_000)
RATE = Number(
    name="rate",
    label="Rate",
    help="The learning rate; empty is the one that the model is compiled with.",
    default=1e-3,
    exclusive=True,
)
DEPTH = Number(
    name="depth",
    label="Depth factor",
    help="What the rate is multiplied by at the lowest block that trains; the others lie between.",
    default=1.0,
    minimum=1e-6,
    maximum=1.0,
)
PATIENCE = Whole(
    name="patience",
    label="Patience",
    help="The stage ends after so many epochs without an improvement; empty: it does not.",
    default=3,
    minimum=0,
    maximum=10_000,
)
_OPTIONAL = (RATE, DEPTH, PATIENCE)


@dataclass(frozen=True, slots=True)
class StageText:
    """One stage as it is typed: what of the base trains, and four numbers of which three may be empty."""

    what: str
    epochs: str = ""
    rate: str = ""
    depth: str = ""
    patience: str = ""

    def __str__(self) -> str:
        """Return the stage as a part of the whole text."""
        parts = (self.what, self.epochs, self.rate, self.depth, self.patience)
        return ":".join(part.strip() for part in parts).rstrip(":")


def stage_texts(text: str) -> list[StageText]:
    """Return the stages that a text has.

    Example:
        >>> stage_texts("head:3, 2 blocks:5:1e-4")[1].what
        '2 blocks'
    """
    return [StageText(*(part.strip() for part in each.split(":", 4))) for each in text.split(",")]


def joined(stages: Sequence[StageText]) -> str:
    """Return the text of some stages."""
    return ", ".join(map(str, stages))


def stages_of(text: str, *, batch_norm: bool = False) -> list[Stage]:
    """Return the stages that a text means.

    Args:
        text: that `Stages` has found nothing wrong with.
        batch_norm: whether batch normalization trains in all of them. Default False.
    """
    return [_stage(each, batch_norm=batch_norm) for each in stage_texts(text)]


def wrong_with(stage: StageText) -> tuple[str, str]:
    """Return which field of a stage is wrong and why, two times ``""`` for nothing."""
    if not stage.what.isprintable():
        return "what", f"expected head, all, a number or a name, received {shown(stage.what)}"
    for parameter in (EPOCHS, RATE, DEPTH, PATIENCE):
        text = getattr(stage, parameter.name)
        if text or parameter not in _OPTIONAL:
            said = parameter.check(parameter.read(text))
            if said:
                return parameter.name, said
    try:
        _stage(stage, batch_norm=False)
    except Refusal as refusal:
        return "what", str(refusal).removeprefix("unfreeze: ")
    return "", ""


def _stage(stage: StageText, *, batch_norm: bool) -> Stage:
    values: dict[str, Any] = {
        parameter.name: parameter.read(getattr(stage, parameter.name))
        for parameter in _OPTIONAL
        if getattr(stage, parameter.name)
    }
    return Stage(
        int(stage.what) if stage.what.isascii() and stage.what.isdigit() else stage.what,
        EPOCHS.read(stage.epochs),
        values.get("rate"),
        values.get("depth", 1.0),
        values.get("patience"),
        batch_norm,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages(Parameter):
    """The stages of a fine-tuning, ``WHAT:EPOCHS:RATE:DEPTH:PATIENCE`` each, the end left out or not."""

    def check(self, value: Any) -> str:
        """Refuse what is no such text, naming the stage."""
        if not isinstance(value, str) or not value.strip():
            return f"expected stages such as {self.default}, received {shown(value)}"
        stages = stage_texts(value)
        if len(stages) > MOST:
            return f"expected {MOST} stages or less, received {len(stages)}"
        for number, each in enumerate(stages, 1):
            name, said = wrong_with(each)
            if said:
                return f"stage {number}: {said}" if name == "what" else f"stage {number}: {name}: {said}"
        return ""
