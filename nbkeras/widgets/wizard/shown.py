"""The wizards that this kernel has shown, found again by id and by name, and kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython import get_ipython

from nbkeras.widgets.wizard import made

if TYPE_CHECKING:
    from nbkeras.widgets.wizard.wizard import Wizard

_wizards: dict[str, Wizard] = {}


def add(wizard: Wizard) -> None:
    """Keep a wizard, and let go of those that its cell showed when it last ran."""
    cell, request = _cell(wizard.parent)
    for other in list(_wizards.values()):
        its_cell, its_request = _cell(other.parent)
        if cell and its_cell == cell and its_request != request:
            remove(other)
    _wizards[wizard.id] = wizard
    events = get_ipython().events
    if _refresh not in events.callbacks["post_run_cell"]:
        events.register("post_run_cell", _refresh)


def remove(wizard: Wizard) -> None:
    """Let go of a wizard that is no longer shown."""
    _wizards.pop(wizard.id, None)
    wizard.close()


def find(identifier: str) -> Wizard | None:
    """Return the wizard of an id."""
    return _wizards.get(identifier)


def last(name: str) -> Wizard | None:
    """Return the wizard of a recipe that was shown last."""
    return next((each for each in reversed(_wizards.values()) if each.recipe.name == name), None)


def _refresh(result: Any) -> None:
    """Look at the notebook's variables after each cell."""
    made.forget(get_ipython().user_ns)
    wizards = list(_wizards.values())
    for wizard in wizards:
        # By Run, or put into a cell: it is the form's own code.
        if result.info.raw_cell.strip() == wizard.entries.code.strip():
            wizard.entries.ran(to_the_end=result.success)
    for wizard in wizards:
        wizard.refresh()


def _cell(parent: dict[str, Any]) -> tuple[str, str]:
    """Return the id of the cell that sent a request, and the request's own."""
    return parent.get("metadata", {}).get("cellId", ""), parent.get("header", {}).get("msg_id", "")
