"""A curve of a chart, and what of it is drawn: few points, every gap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nbkeras.widgets.picture.ticks import drawable

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float]
Oddity = Literal["NaN", "inf", "-inf"]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: how it is called in the picture's description, such as ``"validation"``.
        label: the short text beside its end, such as ``"val"``; "" for none.
        colour: its colour as ``#rrggbb``.
        dashed: whether it is drawn dashed.
        points: pairs of x and y, x rising; y may be NaN or infinite.
    """

    name: str
    label: str
    colour: str
    dashed: bool
    points: Sequence[Point]

    @property
    def last(self) -> Point | None:
        """The last point that has a place in the picture."""
        return next((point for point in reversed(self.points) if drawable(point[1])), None)


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch without a drawable value: from one x to another, and what stood there."""

    start: float
    end: float
    oddity: Oddity


def thin(points: Sequence[Point], goal: int) -> list[Point]:
    """Return about ``goal`` of the points, so that the drawn line looks the same.

    Of each stretch of x the lowest and the highest value stay, and the first of each kind that
    cannot be drawn; the first and the last point stay too.

    Example:
        >>> wave = [(x, x % 7) for x in range(10_000)]
        >>> kept = thin(wave, 100)
        >>> len(kept) <= 110, kept[0], max(y for _, y in kept)
        (True, (0, 0), 6)
    """
    if len(points) <= goal:
        return list(points)
    buckets = max(1, goal // 2)
    low, high = points[0][0], points[-1][0]
    scale = buckets / ((high - low) or 1.0)
    kept = {0, len(points) - 1}
    extremes: dict[tuple[int, str], int] = {}
    for index, (x, y) in enumerate(points):
        bucket = min(buckets - 1, int((x - low) * scale))
        if not drawable(y):
            extremes.setdefault((bucket, oddity(y)), index)
            continue
        lowest = extremes.setdefault((bucket, "low"), index)
        highest = extremes.setdefault((bucket, "high"), index)
        if y < points[lowest][1]:
            extremes[bucket, "low"] = index
        if y > points[highest][1]:
            extremes[bucket, "high"] = index
    kept.update(extremes.values())
    return [points[index] for index in sorted(kept)]


def pieces(points: Sequence[Point]) -> tuple[list[list[Point]], list[Gap]]:
    """Return the unbroken lines of a curve and the gaps between them.

    Example:
        >>> nan = float("nan")
        >>> pieces([(1, 0.5), (2, nan), (3, nan), (4, 0.3)])
        ([[(1, 0.5)], [(4, 0.3)]], [Gap(start=2, end=3, oddity='NaN')])
    """
    lines: list[list[Point]] = []
    gaps: list[Gap] = []
    before: Oddity | None = None
    started = False
    for x, y in points:
        now = None if drawable(y) else oddity(y)
        if now is None:
            if not started or before is not None:
                lines.append([])
            lines[-1].append((x, y))
        elif now == before:
            gaps[-1] = Gap(gaps[-1].start, x, now)
        else:
            gaps.append(Gap(x, x, now))
        before, started = now, True
    return lines, gaps


def oddity(number: float) -> Oddity:
    """Return what a value that cannot be drawn is."""
    if math.isnan(number):
        return "NaN"
    return "inf" if number > 0 else "-inf"
