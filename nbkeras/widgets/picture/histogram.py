"""A histogram as a small SVG picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbkeras.widgets.picture import numerals, svg
from nbkeras.widgets.picture.chart import COLOURS
from nbkeras.widgets.picture.frame import DARK, EDGE, GROUND, STRONG, TEXT

WIDTH, HEIGHT = 240, 110
_LEFT, _TOP, _BOTTOM = 10, 26, 90
_BINS = 32


def draw(title: str, values: Any) -> str:
    """Return how often values occur as an SVG document, from the least to the greatest finite one.

    Example:
        >>> import numpy as np
        >>> draw("dense", np.arange(10.0))[:4]
        '<svg'

    Args:
        title: what stands above.
        values: an array of any shape.
    """
    finite = np.asarray(values, "float64").ravel()
    finite = finite[np.isfinite(finite)]
    bars, ends = [], ["no finite values", ""]
    if finite.size:
        counts, _ = np.histogram(finite, _BINS)
        wide, high = (WIDTH - 2 * _LEFT) / _BINS, (_BOTTOM - _TOP) / counts.max()
        bars = [
            f"M{_LEFT + number * wide:.1f} {_BOTTOM}v{-count * high:.1f}h{wide - 0.5:.1f}V{_BOTTOM}z"
            for number, count in enumerate(counts)
            if count
        ]
        ends = [numerals.value(float(each)) for each in (finite.min(), finite.max())]
    inset, width, height = 0.5, WIDTH - 1, HEIGHT - 1
    return svg.element(
        "svg",
        svg.element("style", text=DARK),
        svg.element("rect", x=inset, y=inset, width=width, height=height, rx=5, fill=GROUND, stroke=EDGE),
        svg.element("text", text=title, x=_LEFT, y=17, font_weight=600, fill=STRONG),
        svg.element("path", d="".join(bars), fill=COLOURS[0]),
        svg.element("text", text=ends[0], x=_LEFT, y=HEIGHT - 6),
        svg.element("text", text=ends[1], x=WIDTH - _LEFT, y=HEIGHT - 6, text_anchor="end"),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        font_family="system-ui,sans-serif",
        font_size=11,
        fill=TEXT,
    )
