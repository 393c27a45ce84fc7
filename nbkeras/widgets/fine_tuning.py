"""The stages of a fine-tuning, as a table that stays in the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.training.fine_tuning.plan import shown_as
from nbkeras.widgets.picture import wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from nbkeras.training.fine_tuning.plan import FineTuningPlan
    from nbkeras.widgets.picture.page import Bundle

_LENGTH = 80


def install() -> None:
    """Show plans in notebooks from now on; a second call changes nothing."""
    if plan_bundle not in shown_as:
        shown_as.append(plan_bundle)


def plan_bundle(plan: FineTuningPlan) -> Bundle:
    """Return a plan as HTML and as text.

    Example:
        >>> from nbkeras.training.fine_tuning.plan import FineTuningPlan
        >>> "base" in plan_bundle(FineTuningPlan("base", ()))["text/html"]
        True
    """
    header, *rows = (tuple(wording.line(cell, _LENGTH) for cell in row) for row in plan.rows)
    html = render(
        "devices.html",
        title="Fine-tuning",
        facts_title="Model",
        table_of=Table(header, tuple(rows), words=2),
        facts=[("base", plan.base), *(("note", note) for note in plan.lines)],
        notes=[],
    )
    return {"text/html": html, "text/plain": repr(plan)}
