"""A range test as a picture: the loss by learning rate, and where the suggestions are."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals, svg
from nbkeras.widgets.picture.chart import COLOURS, Chart
from nbkeras.widgets.picture.curves import Curve
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.frame import BOTTOM, DARK, HEIGHT, LEFT, RIGHT, STRONG, TOP, WIDTH, Frame
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table
from nbkeras.widgets.picture.ticks import power_axis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.training.rate_finder.found import RatesFound
    from nbkeras.widgets.picture.page import Bundle

_SHORT = {"minimum/10": "min/10"}
_LINE = 13


def rates_bundle(found: RatesFound) -> Bundle:
    """Return a range test as it stays in the notebook's file: picture, suggestions and lines, and as text."""
    charts = []
    if found.rates:
        charts = [{"src": svg.address(picture(found)), "alt": described(found), "width": WIDTH}]
    html = render("finder.html", charts=charts, table=_table(found), lines=found.lines(), height=HEIGHT)
    return {"text/html": html, "text/plain": repr(found)}


def picture(found: RatesFound, *, at: int | None = None, in_page: bool = False) -> str:
    """Return the picture of a range test as SVG.

    Args:
        found: the test, with a rate at least.
        at: the place of the rate that is marked as looked at, None for none.
        in_page: whether it becomes part of a page: each rate then has a text that is shown under the mouse.
    """
    low, high = found.rates[0], found.rates[-1]

    def over(frame: Frame) -> str:
        parts = [*_marks(frame, found), *([] if at is None else [_cursor(frame, found, at)])]
        return "".join([*parts, *(_hovers(frame, found) if in_page else ())])

    return draw(_chart(found), across=power_axis(low, high), over=over, style="" if in_page else DARK)


def described(found: RatesFound) -> str:
    """Return the picture in words."""
    marks = "".join(f"; {name} at {rate:.2e}" for name, rate in found.suggestions.items())
    return _chart(found).describe() + marks


def told(found: RatesFound, at: int) -> str:
    """Return what is said of one rate of a test."""
    smooth, loss = numerals.value(found.smoothed[at]), numerals.value(found.losses[at])
    return f"rate {found.rates[at]:.2e}: loss {smooth} smooth, {loss} of its batch"


def _chart(found: RatesFound) -> Chart:
    # Single batches may be far from the curve that is looked at.
    top, bottom = max(found.smoothed), min(found.smoothed)
    smooth = list(zip(found.rates, found.smoothed, strict=True))
    single = [
        (rate, max(bottom, min(loss, top))) for rate, loss in zip(found.rates, found.losses, strict=True)
    ]
    curves = (
        Curve("smooth loss", "mean", COLOURS[0], dashed=False, points=smooth),
        Curve("loss of each batch", "batch", COLOURS[6], dashed=True, points=single),
    )
    return Chart("loss by learning rate", "rate", curves)


def _table(found: RatesFound) -> Table:
    rows = tuple(
        (name, f"{rate:.2e}", numerals.value(found.smoothed[_nearest(found, rate)]))
        for name, rate in found.suggestions.items()
    )
    return Table(("suggestion", "rate", "loss there"), rows)


def _nearest(found: RatesFound, rate: float) -> int:
    return min(range(len(found.rates)), key=lambda place: abs(found.rates[place] / rate - 1))


def _marks(frame: Frame, found: RatesFound) -> Iterator[str]:
    """Draw each suggestion: a line at its rate, a dot on the curve, its name."""
    for place, (name, rate) in enumerate(found.suggestions.items()):
        x, y = frame.x(rate), frame.y(found.smoothed[_nearest(found, rate)])
        colour, label = COLOURS[place + 1], _SHORT.get(name, name)
        yield svg.element("path", d=f"M{x:.1f} {TOP}V{BOTTOM}", stroke=colour, stroke_dasharray="2 3")
        yield svg.element("circle", cx=x, cy=y, r=4, fill=colour)
        # One below the other: they may stand at the same rate.
        # To the right where no other one is, and the edge is not near.
        is_last = rate == max(found.suggestions.values()) and x < (LEFT + 3 * RIGHT) / 4
        side = {"x": x + 4} if is_last else {"x": x - 4, "text_anchor": "end"}
        yield svg.element("text", text=label, y=BOTTOM - 6 - _LINE * place, fill=STRONG, **side)


def _cursor(frame: Frame, found: RatesFound, at: int) -> str:
    x, y = frame.x(found.rates[at]), frame.y(found.smoothed[at])
    return svg.element("path", d=f"M{x:.1f} {TOP}V{BOTTOM}", stroke=STRONG) + svg.element(
        "circle", cx=x, cy=y, r=4.5, fill="none", stroke=STRONG, stroke_width=2
    )


def _hovers(frame: Frame, found: RatesFound) -> Iterator[str]:
    places = [frame.x(rate) for rate in found.rates]
    edges = [places[0], *((a + b) / 2 for a, b in pairwise(places)), places[-1]]
    for at, (left, right) in enumerate(pairwise(edges)):
        title = svg.element("title", text=told(found, at))
        width = max(right - left, 0.1)
        yield svg.element(
            "rect", title, x=left, y=TOP, width=width, height=BOTTOM - TOP, fill="transparent", stroke="none"
        )
