"""The frame of a chart: its size, where values stand in it, its grid and its axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import svg

if TYPE_CHECKING:
    from nbkeras.widgets.picture.ticks import Axis

# The ground is the chart's own, for pages of any colour. In a page that says color-scheme: dark, as
# JupyterLab's dark theme does, an image knows it by this query (seen in Chromium 156); where a browser takes
# the system's wish for the page's, the chart is as legible on its own ground.
DARK = "@media(prefers-color-scheme:dark){svg{filter:invert(.9)hue-rotate(180deg)}}"
GROUND, EDGE, GRID, TEXT, STRONG = "#f6f7f8", "#d5d9de", "#e2e5e9", "#4c535b", "#1f2328"
WIDTH, HEIGHT = 380, 196
LEFT, RIGHT, TOP, BOTTOM = 50, 316, 32, 170


@dataclass(frozen=True, slots=True)
class Frame:
    """A chart's two axes.

    Attributes:
        across: the axis of epochs or steps.
        up: the axis of values.
    """

    across: Axis
    up: Axis

    def x(self, number: float) -> float:
        """Return where an epoch or a step stands, in the picture's units."""
        return LEFT + self.across.place(number) * (RIGHT - LEFT)

    def y(self, number: float) -> float:
        """Return where a value stands, in the picture's units."""
        return BOTTOM - self.up.place(number) * (BOTTOM - TOP)

    def draw(self, caption: str) -> str:
        """Return the ground, the grid and the ticks.

        Args:
            caption: what the axis across counts.
        """
        rows = [(self.y(number), label) for number, label in self.up.ticks]
        columns = [(self.x(number), label) for number, label in self.across.ticks]
        lines = "".join(f"M{LEFT} {y:.1f}H{RIGHT}" for y, _ in rows)
        teeth = "".join(f"M{x:.1f} {BOTTOM}v4" for x, _ in columns)
        values = (svg.element("text", text=label, x=LEFT - 7, y=y + 4) for y, label in rows)
        counts = (svg.element("text", text=label, x=x, y=BOTTOM + 16) for x, label in columns)
        return "".join(
            [
                _ground(),
                svg.element("path", d=lines, stroke=GRID),
                svg.element("path", d=f"M{LEFT} {BOTTOM}H{RIGHT}{teeth}", stroke=EDGE, fill="none"),
                svg.element("g", *values, text_anchor="end"),
                svg.element("g", *counts, text_anchor="middle"),
                svg.element("text", text=caption, x=WIDTH - 9, y=BOTTOM + 16, text_anchor="end"),
            ]
        )


def _ground() -> str:
    # Half a unit in, so that the edge lies on whole pixels.
    inset, width, height = 0.5, WIDTH - 1, HEIGHT - 1
    return svg.element("rect", x=inset, y=inset, width=width, height=height, rx=5, fill=GROUND, stroke=EDGE)
