"""A fine-tuning on paper: its plan and its layers, told while the model may be training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.models.base_and_head import base_and_head
from nbkeras.models.layer_tree import marks, tree_rows
from nbkeras.models.paper import on_paper
from nbkeras.models.recompiling import Compiled
from nbkeras.training.fine_tuning.plan import planned_without_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.models.layer_tree import TreeRow
    from nbkeras.models.paper import PaperModel
    from nbkeras.training.fine_tuning.plan import FineTuningPlan
    from nbkeras.training.fine_tuning.stage import Stage


@dataclass(frozen=True, slots=True)
class PaperCompiled:
    """What a plan asks of how a model is compiled."""

    kind: str
    learning_rate: Any
    has_factors: bool = False

    def new_optimizer(self, rate: Any = None, factors: Any = None) -> None:
        """Make none: on paper there are no weights for it."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """The stages of a fine-tuning and the layers that they train.

    Attributes:
        paper: the model on paper.
        compiled: how it is compiled.
        plan: the stages.
        rows: the layers as a tree.
        marks: for each row what of it trains, a sign for each stage.
    """

    paper: PaperModel
    compiled: PaperCompiled
    plan: FineTuningPlan
    rows: tuple[TreeRow, ...]
    marks: tuple[str, ...]


def sketched(
    model: Any, stages: Sequence[Stage], *, base: str | None = None, steps: int | None = None
) -> Sketch:
    """Return what `fine_tune` would do; unlike `fine_tuning_plan` it never touches the model's flags.

    A form shows it while one types, perhaps in a thread beside a training of the same model.

    Args:
        model: built and compiled.
        stages: the stages.
        base: as for `fine_tune`. By default it is found.
        steps: updates of an epoch, None where the data do not tell.

    Raises:
        Refusal: as `fine_tune` does.
    """
    compiled = Compiled(model)
    told = PaperCompiled(compiled.kind, compiled.learning_rate, compiled.has_factors)
    return sketched_on_paper(on_paper(model, base_and_head(model, base)), told, stages, steps)


def sketched_on_paper(paper: PaperModel, compiled: Any, stages: Sequence[Stage], steps: int | None) -> Sketch:
    """Return the same for a model that is on paper already.

    Raises:
        Refusal: for a stage that the model does not allow.
    """
    plan = planned_without_data(paper.model, paper.parts, compiled, stages, steps)
    rows = tree_rows(paper)
    found = marks(paper, rows, [(each.thawed, each.stage.batch_norm) for each in plan.stages])
    return Sketch(paper, compiled, plan, tuple(rows), tuple(found))
