"""A small SVG writer: elements, compact paths, and the picture as an image's address."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from nbkeras.widgets.picture.wording import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def element(tag: str, *children: str, text: str = "", **attributes: str | float) -> str:
    """Return one element as markup; underscores in attribute names become hyphens.

    Example:
        >>> element("text", text="a < b", x=1.50, font_size=11)
        '<text x="1.5" font-size="11">a &lt; b</text>'
        >>> element("path", d="m0 0")
        '<path d="m0 0"/>'

    Args:
        tag: the element's name.
        *children: markup that goes inside as it is.
        text: text that goes inside, escaped.
        **attributes: its attributes; numbers are written with at most one decimal.
    """
    pairs = "".join(f' {name.replace("_", "-")}="{_attribute(each)}"' for name, each in attributes.items())
    inside = _escape(text) + "".join(children)
    return f"<{tag}{pairs}>{inside}</{tag}>" if inside else f"<{tag}{pairs}/>"


def path(points: Iterable[tuple[float, float]]) -> str:
    """Return a line through points as path data, in whole units, relative and without spare characters.

    Example:
        >>> path([(10, 20), (15, 18), (25, 18)])
        'M10 20l5-2 10 0'
        >>> path([(10, 20)])
        'M10 20h0'
    """
    places = [(round(x), round(y)) for x, y in points]
    if not places:
        return ""
    x, y = places[0]
    moves: list[str] = []
    for next_x, next_y in places[1:]:
        moves.append(_pair(next_x - x, next_y - y))
        x, y = next_x, next_y
    # A line of no length is drawn as a dot, by its round caps.
    rest = "l" + "".join(moves).lstrip(" ") if moves else "h0"
    return f"M{places[0][0]} {places[0][1]}{rest}"


def address(svg: str) -> str:
    """Return the ``data:`` address under which an ``<img>`` shows the picture."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")


def _pair(x: int, y: int) -> str:
    return f"{'' if x < 0 else ' '}{x}{'' if y < 0 else ' '}{y}"


def _attribute(given: str | float) -> str:
    if isinstance(given, str):
        return _escape(given)
    return f"{given:.1f}".rstrip("0").rstrip(".") if given % 1 else f"{given:.0f}"


def _escape(text: str) -> str:
    return clean(text).translate(_ESCAPES)
