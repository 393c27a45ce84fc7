"""Batch sizes as a picture: samples a second by size, and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.training.batch_sizes.found import HEADER, shown_as
from nbkeras.widgets.picture import svg
from nbkeras.widgets.picture.chart import COLOURS, Chart
from nbkeras.widgets.picture.curves import Curve
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.frame import BOTTOM, HEIGHT, STRONG, TOP, WIDTH, Frame
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table
from nbkeras.widgets.picture.ticks import power_axis

if TYPE_CHECKING:
    from nbkeras.training.batch_sizes.found import BatchSizesFound
    from nbkeras.widgets.picture.page import Bundle


def install() -> None:
    """Show batch sizes in notebooks from now on; a second call changes nothing."""
    if sizes_bundle not in shown_as:
        shown_as.append(sizes_bundle)


def sizes_bundle(found: BatchSizesFound) -> Bundle:
    """Return the sizes as HTML and as text; the suggested one stands out."""
    charts = []
    if found.sizes:
        chart = _chart(found)
        across = power_axis(found.sizes[0].size, found.sizes[-1].size, base=2)
        picture = draw(chart, across=across, over=lambda frame: _mark(frame, found))
        charts = [{"src": svg.address(picture), "alt": chart.describe(), "width": WIDTH}]
    place = next((at for at, each in enumerate(found.sizes) if each.size == found.suggested), None)
    marked = frozenset((place, column) for column in range(len(HEADER)) if place is not None)
    table = Table(HEADER, found.rows(), marked=marked)
    html = render("finder.html", charts=charts, table=table, lines=found.lines(), height=HEIGHT)
    text = [*found.lines(), *(table.plain() if found.sizes else ())]
    return {"text/html": html, "text/plain": "\n".join(text)}


def _chart(found: BatchSizesFound) -> Chart:
    points = [(float(each.size), each.rate) for each in found.sizes]
    return Chart(
        "samples/s by batch size", "size", (Curve("rate", "", COLOURS[0], dashed=False, points=points),)
    )


def _mark(frame: Frame, found: BatchSizesFound) -> str:
    size = next(each for each in found.sizes if each.size == found.suggested)
    x, y = frame.x(size.size), frame.y(size.rate)
    line = svg.element("path", d=f"M{x:.1f} {TOP}V{BOTTOM}", stroke=COLOURS[1], stroke_dasharray="2 3")
    dot = svg.element("circle", cx=x, cy=y, r=4, fill=COLOURS[1])
    side = {"x": x - 5, "text_anchor": "end"} if x > WIDTH / 2 else {"x": x + 5}
    return line + dot + svg.element("text", text="suggested", y=BOTTOM - 6, fill=STRONG, **side)
