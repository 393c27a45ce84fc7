"""Parallel coordinates: an axis for each searched value and one for the objective, a line for each trial."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbkeras.training.tuning.record import short
from nbkeras.widgets.picture import svg, wording
from nbkeras.widgets.picture.chart import COLOURS
from nbkeras.widgets.picture.frame import DARK, EDGE, GROUND, HEIGHT, STRONG, TEXT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbkeras.training.tuning.record import Search, TrialRecord

_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 40, 44, 166
_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_LETTER = 6.2
# From so many values on, a word or a number does not get a tick of its own.
_MANY = 8
# Numbers above 0 whose largest is so many times the smallest are drawn on a log scale.
_LOG = 20
_NARROW = 4
# So many letters of a list in the picture's description.
_WORDS = 200


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis: where a value stands, from 0 at the bottom to 1 at the top, and its labels."""

    name: str
    place: Callable[[Any], float]
    ticks: Sequence[tuple[float, str]]


def width_of(search: Search) -> int:
    """Return how wide the picture is: two charts beside each other where there is much to show."""
    return WIDTH if len(search.parameters) <= _NARROW else 2 * WIDTH + 8


def draw_parallel(search: Search, *, lines: int, axes: int = 12) -> str:
    """Return the trials as an SVG document, the best one on top.

    Args:
        search: the search.
        lines: the most trials to draw, the best ones.
        axes: the most searched values to draw, the first ones.
    """
    shown = ranked(search)[:lines]
    width = width_of(search)
    scales = [_axis(name, [trial.searched.get(name) for trial in shown]) for name in search.parameters[:axes]]
    scales.append(_axis(search.objective.name, [trial.value for trial in shown]))
    room = (width - _LEFT - _RIGHT) / max(1, len(scales) - 1)
    across = [_LEFT + room * index for index in range(len(scales))]
    drawn = [
        _line(trial, rank, len(shown), scales, across, search.objective.name)
        for rank, trial in enumerate(shown)
    ]
    return svg.element(
        "svg",
        svg.element("style", text=DARK),
        svg.element("rect", x=0.5, y=0.5, width=width - 1, height=HEIGHT - 1, rx=5, fill=GROUND, stroke=EDGE),
        svg.element("text", text="trials", x=12, y=19, font_size=12.5, font_weight=600, fill=STRONG),
        svg.element("path", d="".join(f"M{x:.1f} {_TOP}V{_BOTTOM}" for x in across), stroke=EDGE),
        svg.element("g", *reversed(drawn), fill="none", stroke_linejoin="round"),
        *(_labels(axis, x, room, is_last=axis is scales[-1]) for axis, x in zip(scales, across, strict=True)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {HEIGHT}",
        width=width,
        height=HEIGHT,
        font_family=_FONT,
        font_size=10.5,
        fill=TEXT,
    )


def describe_parallel(search: Search) -> str:
    """Return the picture in words, for those who do not see it."""
    best = search.best
    names = wording.line(", ".join(search.parameters), _WORDS)
    trials = f"{len(ranked(search))} trials"
    values = "" if best is None else ", ".join(f"{k} {short(v)}" for k, v in best.searched.items())
    end = f"; best: {wording.line(values, _WORDS)}" if values else ""
    return f"Parallel coordinates of {trials}: {names} and {wording.metric(search.objective.name)}{end}"


def ranked(search: Search) -> list[TrialRecord]:
    """Return the trials with a value, the best one first."""
    sign = -1 if search.objective.direction == "max" else 1
    valued = [trial for trial in search.trials if trial.value is not None]
    return sorted(valued, key=lambda trial: sign * (trial.value or 0.0))


def _axis(name: str, values: Sequence[Any]) -> _Axis:
    known = [value for value in values if value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        distinct = sorted(set(known))
        if all(isinstance(value, int) for value in distinct) and len(distinct) <= _MANY:
            return _words(name, distinct)
        return _numbers(name, distinct)
    return _words(name, list(dict.fromkeys(known)))


def _words(name: str, values: Sequence[Any]) -> _Axis:
    """Stand values one above the other, evenly."""
    last = max(1, len(values) - 1)
    places = {value: (at / last if len(values) > 1 else 0.5) for at, value in enumerate(values)}
    ticks = [(place, short(value)) for value, place in places.items()]
    return _Axis(name, places.__getitem__, ticks if len(ticks) <= _MANY else [ticks[0], ticks[-1]])


def _numbers(name: str, values: Sequence[float]) -> _Axis:
    if not values or values[0] == values[-1]:
        return _Axis(name, lambda _: 0.5, [(0.5, short(value)) for value in values[:1]])
    low, high = values[0], values[-1]
    if low > 0 and high / low > _LOG:
        span = math.log(high / low)
        place: Callable[[Any], float] = lambda value: math.log(value / low) / span  # noqa: E731 - a scale
        middle = math.sqrt(low * high)
    else:
        place = lambda value: (value - low) / (high - low)  # noqa: E731 - a scale
        middle = (low + high) / 2
    ticks = [(place(value), f"{value:.2g}") for value in (low, middle, high)]
    return _Axis(name, place, ticks)


def _line(
    trial: TrialRecord, rank: int, count: int, axes: Sequence[_Axis], across: Sequence[float], objective: str
) -> str:
    values = {**trial.searched, objective: trial.value}
    points = [
        (x, _BOTTOM - axis.place(values[axis.name]) * (_BOTTOM - _TOP))
        for axis, x in zip(axes, across, strict=True)
        # A value that only some choices ask for is left out of the others' lines.
        if values.get(axis.name) is not None
    ]
    if rank == 0:
        return svg.element("path", d=svg.path(points), stroke=COLOURS[1], stroke_width=2.5)
    opacity = round(0.75 - 0.55 * rank / count, 2)
    return svg.element("path", d=svg.path(points), stroke=COLOURS[0], stroke_width=1.2, opacity=str(opacity))


def _labels(axis: _Axis, x: float, room: float, *, is_last: bool) -> str:
    letters = max(4, int(room / _LETTER) - 1)
    ticks = [
        svg.element("text", text=wording.line(label, 8), x=x + 5, y=_BOTTOM - place * (_BOTTOM - _TOP) + 3.5)
        for place, label in axis.ticks
    ]
    anchor = "end" if is_last else "middle"
    name = svg.element(
        "text",
        text=wording.line(axis.name, letters),
        x=x + (34 if is_last else 0),
        y=_BOTTOM + 19,
        text_anchor=anchor,
        fill=STRONG,
    )
    # A ground behind the words, so that lines do not run through them.
    return svg.element("g", *ticks, stroke=GROUND, stroke_width=3, paint_order="stroke") + name
