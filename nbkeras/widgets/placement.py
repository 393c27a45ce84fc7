"""Where the parts of a model are, as a table that stays in the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.devices.placing.told import HEADER
from nbkeras.widgets.picture import wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from nbkeras.devices.placing.told import Placement
    from nbkeras.widgets.picture.page import Bundle

_LENGTH = 80


def placement_bundle(placement: Placement) -> Bundle:
    """Return a placement as HTML and as text; layers on several devices are marked.

    Example:
        >>> from nbkeras.devices.placing.told import LayerPlacement, Placement
        >>> layer = LayerPlacement("end", "Dense", {"GPU:1": 2}, {"GPU:0": 3}, {"GPU:0": 2})
        >>> "<b>GPU:1</b>" in placement_bundle(Placement((layer,)))["text/html"]
        True
    """
    rows = tuple(tuple(wording.line(cell, _LENGTH) for cell in each.cells()) for each in placement.layers)
    apart = [at for at, each in enumerate(placement.layers) if each.is_apart]
    marked = frozenset((at, column) for at in apart for column in range(2, len(HEADER)))
    html = render(
        "devices.html",
        title="Layers",
        facts_title="Devices",
        table_of=Table(HEADER, rows, marked=marked, words=len(HEADER)),
        facts=placement.facts(),
        notes=[[note] for note in placement.notes],
    )
    return {"text/html": html, "text/plain": repr(placement)}
