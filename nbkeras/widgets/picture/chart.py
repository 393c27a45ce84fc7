"""What a chart shows, and how it reads in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.picture.ticks import drawable

if TYPE_CHECKING:
    from nbkeras.widgets.picture.curves import Curve
    from nbkeras.widgets.picture.marks import Mark

# Okabe and Ito's colours, told apart by colour-blind readers; those that stand out on the
# chart's light ground come first.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows.

    Attributes:
        title: its title, a metric's name as a rule.
        across: what x counts: ``"epoch"`` or ``"step"``.
        curves: its lines, the first drawn on top.
        marks: what happened along x.
    """

    title: str
    across: str
    curves: tuple[Curve, ...]
    marks: tuple[Mark, ...] = ()

    def describe(self) -> str:
        """Return the chart in words, for those who do not see it."""
        title = wording.metric(self.title)
        return f"Chart of {title} by {self.across}: {'; '.join(map(_words, self.curves))}"


def _words(curve: Curve) -> str:
    name = wording.metric(curve.name)
    first = next((y for _, y in curve.points if drawable(y)), None)
    last = curve.last
    if first is None or last is None:
        return f"{name} has no finite values"
    if len(curve.points) == 1:
        return f"{name} {numerals.value(first)}"
    return f"{name} from {numerals.value(first)} to {numerals.value(last[1])}"
