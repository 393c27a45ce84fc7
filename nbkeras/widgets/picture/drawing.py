"""A chart as an SVG picture: calm, small, readable on any page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.widgets.picture import svg, wording
from nbkeras.widgets.picture.curves import thin
from nbkeras.widgets.picture.frame import BOTTOM, DARK, HEIGHT, LEFT, RIGHT, STRONG, TEXT, TOP, WIDTH, Frame
from nbkeras.widgets.picture.marks import draw_marks
from nbkeras.widgets.picture.strokes import legend, strokes
from nbkeras.widgets.picture.ticks import count_axis, drawable, value_axis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nbkeras.widgets.picture.chart import Chart
    from nbkeras.widgets.picture.curves import Curve
    from nbkeras.widgets.picture.ticks import Axis

_FONT = "system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_LINE = 13
# Rough widths of a letter in the title and beside it, wide enough for any of the fonts.
_TITLE_LETTER, _LETTER = 7.6, 6.6
_LABEL_LENGTH = 6


def draw(
    chart: Chart,
    *,
    points: int = 200,
    across: Axis | None = None,
    over: Callable[[Frame], str] = lambda _: "",
    style: str = DARK,
) -> str:
    """Return the chart as an SVG document.

    Example:
        >>> from nbkeras.widgets.picture.chart import COLOURS, Chart
        >>> from nbkeras.widgets.picture.curves import Curve
        >>> curve = Curve("training", "train", COLOURS[0], False, [(1, 0.9), (2, 0.4), (3, 0.2)])
        >>> draw(Chart("loss", "epoch", (curve,)), points=100)[:4]
        '<svg'

    Args:
        chart: what to draw.
        points: about how many points of a curve are drawn.
        across: the axis for x; by default one of whole numbers.
        over: draws what stands over the curves.
        style: the style sheet; "" for a picture that is part of a page, whose styles it would become.
    """
    shown = [thin(curve.points, points) for curve in chart.curves]
    places = [point for part in shown for point in part] or [(0.0, float("nan"))]
    numbers = [x for x, _ in places]
    frame = Frame(across or count_axis(min(numbers), max(numbers)), value_axis(y for _, y in places))
    remarks = [*(["log scale"] if frame.up.log else []), *legend(shown)]
    return svg.element(
        "svg",
        *([svg.element("style", text=style)] if style else []),
        frame.draw(chart.across),
        *_heading(chart.title, " · ".join(remarks)),
        draw_marks(frame, chart.marks),
        strokes(frame, zip(chart.curves, shown, strict=True)),
        *([] if any(drawable(y) for _, y in places) else [_in_the_middle("no finite values")]),
        *_end_labels(frame, chart.curves),
        over(frame),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        width=WIDTH,
        height=HEIGHT,
        font_family=_FONT,
        font_size=11,
        fill=TEXT,
        style="font-variant-numeric:tabular-nums",
    )


def _heading(title: str, remark: str) -> Iterator[str]:
    short = wording.line(title, int((WIDTH - 36 - _LETTER * len(remark)) / _TITLE_LETTER))
    yield svg.element("text", text=short, x=12, y=17, font_size=12.5, font_weight=600, fill=STRONG)
    if remark:
        yield svg.element("text", text=remark, x=WIDTH - 12, y=17, text_anchor="end")


def _in_the_middle(words: str) -> str:
    x, y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    return svg.element("text", text=words, x=x, y=y, text_anchor="middle")


def _end_labels(frame: Frame, curves: Sequence[Curve]) -> Iterator[str]:
    """Write each curve's label beside its end, apart from the others."""
    named = [curve for curve in curves if curve.label]
    ends = [(frame.y(curve.last[1]), curve) for curve in named if curve.last is not None]
    ends.sort(key=lambda end: end[0])
    for (_, curve), y in zip(ends, _apart([y for y, _ in ends]), strict=True):
        dash = {"stroke_dasharray": "4 3"} if curve.dashed else {}
        sample = f"M{RIGHT + 6} {y:.1f}h11"
        yield svg.element("path", d=sample, stroke=curve.colour, stroke_width=2, **dash)
        label = wording.line(curve.label, _LABEL_LENGTH)
        yield svg.element("text", text=label, x=RIGHT + 21, y=y + 4, fill=STRONG)


def _apart(places: Iterable[float]) -> list[float]:
    """Move places (rising) so that lines of text do not overlap and stay in the chart."""
    lowered: list[float] = []
    for place in places:
        lowered.append(max(place, lowered[-1] + _LINE) if lowered else max(place, TOP))
    floor = float(BOTTOM)
    for index in reversed(range(len(lowered))):
        lowered[index] = min(lowered[index], floor)
        floor = lowered[index] - _LINE
    return lowered
