"""Curves as strokes: lines, lone points, and signs where a value cannot be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.widgets.picture import svg
from nbkeras.widgets.picture.curves import pieces
from nbkeras.widgets.picture.frame import BOTTOM, TOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbkeras.widgets.picture.curves import Curve, Gap, Point
    from nbkeras.widgets.picture.frame import Frame

# Strokes are written in tenths of the picture's unit: whole numbers make short paths.
SCALE = 10
_LINE, _DOT, _SIGN = 18, 60, 14
_LEGEND = {
    "NaN": "\N{MULTIPLICATION SIGN} NaN",
    "inf": "\N{WHITE UP-POINTING TRIANGLE} inf",
    "-inf": "\N{WHITE DOWN-POINTING TRIANGLE} -inf",
}


def strokes(frame: Frame, curves: Iterable[tuple[Curve, Sequence[Point]]]) -> str:
    """Return the drawn curves, the first one on top.

    Args:
        frame: the chart's frame.
        curves: each curve with its points that are to be drawn.
    """
    drawn = [_curve(frame, curve, points) for curve, points in curves]
    return svg.element(
        "g",
        *reversed(drawn),
        transform=f"scale({1 / SCALE:g})",
        fill="none",
        stroke_width=_LINE,
        stroke_linecap="round",
        stroke_linejoin="round",
    )


def legend(curves: Iterable[Sequence[Point]]) -> list[str]:
    """Return which signs stand in a chart for values that cannot be drawn, and their meaning."""
    seen = {gap.oddity for points in curves for gap in pieces(points)[1]}
    return [words for oddity, words in _LEGEND.items() if oddity in seen]


def _curve(frame: Frame, curve: Curve, points: Sequence[Point]) -> str:
    lines, gaps = pieces(points)
    paths: list[str] = []
    dots: list[str] = []
    for line in lines:
        places = [(SCALE * frame.x(x), SCALE * frame.y(y)) for x, y in line]
        (paths if len(line) > 1 else dots).append(svg.path(places))
    signs = [_sign(frame, gap) for gap in gaps]
    dash = {"stroke_dasharray": "50 45"} if curve.dashed else {}
    return svg.element(
        "g",
        *([svg.element("path", d="".join(paths), **dash)] if paths else []),
        *([svg.element("path", d="".join(dots), stroke_width=_DOT)] if dots else []),
        *([svg.element("path", d="".join(signs), stroke_width=_SIGN)] if signs else []),
        stroke=curve.colour,
    )


def _sign(frame: Frame, gap: Gap) -> str:
    """Draw a sign at a gap's start, and a line to its end."""
    start, end = round(SCALE * frame.x(gap.start)), round(SCALE * frame.x(gap.end))
    edge = SCALE * (TOP if gap.oddity == "inf" else BOTTOM)
    stretch = f"M{start} {edge}H{end}" if end > start else ""
    if gap.oddity == "NaN":
        return f"{stretch}M{start - 30} {edge - 30}l60 60m0-60l-60 60"
    tip = "-60 35 60" if gap.oddity == "inf" else " 60 35-60"
    return f"{stretch}M{start - 35} {edge}l35{tip}z"
