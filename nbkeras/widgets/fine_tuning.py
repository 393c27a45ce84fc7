"""The stages of a fine-tuning, as a table that stays in the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.training.fine_tuning.plan import HEADER
from nbkeras.widgets.picture import wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from nbkeras.training.fine_tuning.plan import FineTuningPlan
    from nbkeras.widgets.picture.page import Bundle

_LENGTH = 80


def plan_bundle(plan: FineTuningPlan) -> Bundle:
    """Return a plan as HTML and as text.

    Example:
        >>> from nbkeras.training.fine_tuning.plan import FineTuningPlan
        >>> "base" in plan_bundle(FineTuningPlan("base", ()))["text/html"]
        True
    """
    rows = tuple(tuple(wording.line(cell, _LENGTH) for cell in each.cells()) for each in plan.stages)
    html = render(
        "devices.html",
        title="Fine-tuning",
        facts_title="Model",
        table_of=Table(HEADER, rows, words=2),
        facts=[("base", plan.base), *(("note", note) for note in plan.notes)],
        notes=[],
    )
    return {"text/html": html, "text/plain": repr(plan)}
