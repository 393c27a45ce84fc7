"""Small grey pictures as PNG, for what has too many values for a drawing."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

_GAP = 90


def grid(maps: Any, columns: int) -> Any:
    """Return maps side by side as one picture: values from 0 to 255, a row of grey between two of them.

    Example:
        >>> import numpy as np
        >>> grid(np.zeros((3, 4, 4)), 2).shape
        (9, 9)

    Args:
        maps: arrays of one size, one after the other; all share one scale, black for the least value.
        columns: how many stand in a row.
    """
    count, height, width = maps.shape
    low, high = float(maps.min()), float(maps.max())
    scaled = np.zeros(maps.shape, "uint8")
    if high > low:
        scaled = np.round((maps - low) * (255 / (high - low))).astype("uint8")
    rows = -(-count // columns)
    picture = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), _GAP, "uint8")
    for number, each in enumerate(scaled):
        top, left = (number // columns) * (height + 1), (number % columns) * (width + 1)
        picture[top : top + height, left : left + width] = each
    return picture


def address(picture: Any) -> str:
    """Return the ``data:`` address under which an ``<img>`` shows a grey picture."""
    height, width = picture.shape
    # Each line of a PNG begins with the filter that it went through: none.
    lines = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(picture, "uint8"))
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    ]
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")
