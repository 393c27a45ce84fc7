"""What in a cell no seed reaches, told by the cell's words before it runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.reproducibility.proof.source import Evidence, Source


def unreached(source: Source, seed: int) -> Iterator[str]:
    """Give a line for each place of a cell that gives other results although all is seeded.

    Args:
        source: the cell.
        seed: a seed, for the mends.
    """
    for place in source.of_kind("NumPy generator", "Python generator"):
        if "seed" not in place.given:
            mend = f"{place.text.partition('(')[0]}({seed})"
            yield f"{_at(place)}: no seed reaches it, it draws other numbers in each run: {mend}"
    if os.environ.get("PYTHONHASHSEED", "random") == "random":
        for place in source.of_kind("set")[:1]:
            yield (
                f"{_at(place)}: texts in a set have another order in each kernel: sorted(set(…)), or  "
                "%seed --hash-seed 0"
            )


def _at(place: Evidence) -> str:
    where = f"the function {place.function}" if place.function else f"line {place.line}"
    return f"{where}, {place.text}"
