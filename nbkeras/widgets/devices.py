"""The devices of a machine as a table that stays in the notebook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbkeras.devices.facts import HEADER
from nbkeras.widgets.picture import wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from nbkeras.devices.facts import Devices
    from nbkeras.widgets.picture.page import Bundle

_WORDS = 4
_LENGTH = 80
# What is to be typed stands between two spaces, in every message of nbkeras.
_COMMAND = re.compile(r"  (\S.*?)(?:  |$)")


def devices_bundle(devices: Devices) -> Bundle:
    """Return the devices as HTML and as text, with TensorFlow's build and what is not seen.

    Example:
        >>> from nbkeras.devices.facts import Device, Devices
        >>> bundle = devices_bundle(Devices((Device("CPU", "AMD EPYC, 2 cores", ("CPU:0",)),)))
        >>> "AMD EPYC" in bundle["text/html"], "AMD EPYC" in bundle["text/plain"]
        (True, True)
    """
    rows = tuple(tuple(wording.line(cell, _LENGTH) for cell in each.cells()) for each in devices.all)
    unseen = frozenset((at, 2) for at, each in enumerate(devices.all) if not each.seen_as)
    html = render(
        "devices.html",
        title="Devices",
        facts_title="TensorFlow's build",
        table_of=Table(HEADER, rows, marked=unseen, words=_WORDS),
        facts=devices.facts(),
        notes=[_parts(note) for note in devices.notes],
    )
    return {"text/html": html, "text/plain": repr(devices)}


def _parts(note: str) -> list[str]:
    """Part a note into words and commands, in turns; words come first."""
    return _COMMAND.split(note)
