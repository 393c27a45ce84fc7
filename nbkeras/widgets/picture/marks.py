"""What happened to a run, as marks in a chart: an upright line with a few words above it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import svg, wording
from nbkeras.widgets.picture.frame import BOTTOM, LEFT, RIGHT, TEXT, TOP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.runs.record import RunRecord
    from nbkeras.widgets.picture.frame import Frame

_SIZE = 10
# The rough width of a letter of this size, and the room between two labels.
_LETTER, _GAP = 5.4, 6
# The most letters of a label that is said in its first words.
_SHORT = 20
_LENGTH = 200
# Marks that are not farther apart share a line.
_ONE_LINE = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened: where, as the chart counts, and in a few words."""

    x: float
    label: str


def marks_of(run: RunRecord, *, steps: bool, limit: int) -> tuple[Mark, ...]:
    """Return what happened to a run, by step or by epoch; nothing where no epoch's length is known.

    Example:
        >>> from nbkeras.runs.run import Run
        >>> run = Run("fit", "digits")
        >>> run.progress.steps, run.progress.step, run.progress.done, run.progress.epoch = 10, 10, 20, 2
        >>> run.add_event("stage 2 of 3: head and base")
        >>> marks_of(run, steps=False, limit=20)
        (Mark(x=2.0, label='stage 2 of 3'),)

    Args:
        run: the run.
        steps: whether the chart counts steps.
        limit: the most marks, the first ones.
    """
    progress = run.progress
    origin, length = 0.0, 1.0
    if not steps:
        begun, ended = progress.done - progress.step, max(0, progress.epoch - 1)
        length = float(progress.steps or (begun / ended if ended else 0))
        # A run that began with a later epoch has had none of the steps before.
        origin = begun - length * ended
    if not length:
        return ()
    # What has ended a run stands in its head.
    last = math.inf if run.live else progress.done - 1
    return tuple(
        Mark((event.step - origin) / length, wording.line(event.text.partition(":")[0], _LENGTH))
        for event in run.events[:limit]
        if event.step <= last
    )


def draw_marks(frame: Frame, marks: Sequence[Mark]) -> str:
    """Return the marks' lines, and their labels where there is room.

    What happened before or after all that is drawn stands at the edge.
    """
    places: list[tuple[float, str]] = []
    for mark in sorted(marks, key=lambda mark: mark.x):
        x = frame.x(min(frame.across.high, max(frame.across.low, mark.x)))
        if not places or x - places[-1][0] > _ONE_LINE:
            places.append((x, mark.label))
        elif mark.label not in places[-1][1].split(", "):
            places[-1] = (places[-1][0], f"{places[-1][1]}, {mark.label}")
    if not places:
        return ""
    lines = "".join(f"M{x:.1f} {TOP}V{BOTTOM}" for x, _ in places)
    line = svg.element("path", d=lines, stroke=TEXT, stroke_dasharray="1 3", opacity=".6")
    return line + svg.element("g", *_labels(places), font_size=_SIZE)


def _labels(places: Sequence[tuple[float, str]]) -> list[str]:
    """Write labels, each from its line on and never over the next.

    The last one may begin before its line, and if need be before others.
    """
    labels: list[str] = []
    limit = float(RIGHT)
    before = [LEFT, *(x + _GAP for x, _ in places[:-1])]
    for (x, label), first in zip(reversed(places), reversed(before), strict=True):
        texts = dict.fromkeys((label, _first_words(label)))
        lefts = [(min(x, limit - _LETTER * len(text)), text) for text in texts]
        found = [(left, text) for left, text in lefts if left == x or (not labels and left >= first)]
        if not labels:
            found += [(left, text) for left, text in reversed(lefts) if left >= LEFT]
        for left, text in found[:1]:
            labels.append(svg.element("text", text=text, x=left, y=TOP - 4))
            limit = left - _GAP
    return labels


def _first_words(label: str) -> str:
    """Return a label in two words: cut anywhere else, it could lose a digit."""
    return wording.line(" ".join(label.split()[:2]), _SHORT)
