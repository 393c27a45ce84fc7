"""The picture of a proof: the verdict, what was compared, and where the runs part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from nbkeras.widgets.picture import svg, wording
from nbkeras.widgets.picture.chart import COLOURS, Chart
from nbkeras.widgets.picture.curves import Curve
from nbkeras.widgets.picture.drawing import draw
from nbkeras.widgets.picture.frame import HEIGHT, WIDTH
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.reproducibility.proof.trace import Trace
    from nbkeras.reproducibility.proof.verdict import Proof
    from nbkeras.widgets.picture.curves import Point
    from nbkeras.widgets.picture.page import Bundle

LIMIT = 40_000
"""The most bytes that a proof takes in a notebook's file."""

_CELL, _TEXT = 110, 300
_SAME, _DIFFERS = "background:#d7efe4;color:#0b4f3a", "background:#fbdfd2;color:#7a2f00"
_NOTHING = "background:#e4e4e4;color:#333333"
_POINTS = (240, 120, 60, 24)


def divergence_bundle(proof: Proof) -> Bundle:
    """Return a proof as HTML without scripts and as text, in at most 40,000 bytes of the notebook's file.

    Example:
        >>> from nbkeras.reproducibility.proof.source import Source
        >>> from nbkeras.reproducibility.proof.trace import Trace, Value
        >>> from nbkeras.reproducibility.proof.verdict import prove
        >>> runs = [Trace(f"run {n}", end={"x": Value(str(n), str(n))}) for n in (1, 2)]
        >>> proof = prove(runs, Source("x = now()", {}), frozenset(), [])
        >>> print(divergence_bundle(proof)["text/plain"].splitlines()[0])
        Not the same: run 2 differs from run 1

    Args:
        proof: what several runs of a cell prove.
    """
    return fit(LIMIT, _POINTS, lambda points: _bundle(proof, points))


def _bundle(proof: Proof, points: int) -> Bundle:
    labels = tuple(trace.label for trace in proof.traces[1:])
    rows = tuple(tuple(wording.line(text, _CELL) for text in row) for row in proof.rows())
    table = Table(("compared with run 1", *labels), rows, words=len(labels) + 1)
    found = [(name, wording.line(text, _TEXT)) for name, text in _findings(proof)]
    charts = list(_charts(proof)) if proof.difference is not None else []
    remarks = [wording.line(remark, _TEXT) for remark in proof.remarks]
    html = render(
        "divergence.html",
        headline=proof.headline,
        colours=_DIFFERS if proof.difference is not None else _SAME if proof.compared else _NOTHING,
        found=found,
        compared=table,
        charts=[
            {"src": svg.address(draw(chart, points=points)), "alt": chart.describe()} for chart in charts
        ],
        remarks=remarks,
        width=WIDTH,
        height=HEIGHT,
    )
    compared = table.plain() if table.rows else ()
    lines = [proof.headline, *(f"{name}: {text}" for name, text in found), "", *compared, *remarks]
    return {"text/html": html, "text/plain": "\n".join(lines)}


def _findings(proof: Proof) -> Iterator[tuple[str, str]]:
    if proof.difference is not None and proof.cause is not None:
        number = f"fit {proof.difference.fit + 1}, " if len(proof.traces[0].fits) > 1 else ""
        yield "First difference", number + proof.difference.words
        yield "Most probable cause", f"{proof.cause.name}: {proof.cause.why}"
        yield "Fix", proof.cause.fix
    elif proof.fingerprint:
        yield "Fingerprint", proof.fingerprint


def _charts(proof: Proof) -> Iterator[Chart]:
    """The losses of the runs that part, and how far apart they are."""
    other, difference = proof.differs, proof.difference
    if other is None or difference is None:
        return
    one = _losses(proof.traces[0], difference.fit)
    two = _losses(other, difference.fit)
    if not one or not two:
        return
    yield Chart(
        "loss of the epoch so far",
        "step",
        (
            Curve(other.label, "new" if other.fresh else other.label, COLOURS[1], dashed=True, points=two),
            Curve(proof.traces[0].label, proof.traces[0].label, COLOURS[0], dashed=False, points=one),
        ),
    )
    # Equal steps have no place on a scale of decades: the curve begins where the runs part.
    apart = [
        (x, abs(b - a)) for (x, a), (_, b) in zip(one, two, strict=False) if a != b and math.isfinite(a - b)
    ]
    if apart:
        between = f"between {proof.traces[0].label} and {other.label}, from step {apart[0][0]:.0f} on,"
        curve = Curve(between, "", COLOURS[3], dashed=False, points=apart)
        yield Chart("difference of the loss", "step", (curve,))


def _losses(trace: Trace, number: int) -> list[Point]:
    losses = trace.fits[number].losses if number < len(trace.fits) else []
    return [(float(step), loss) for step, loss in enumerate(losses, 1)]
