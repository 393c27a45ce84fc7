"""Gradients of a model's layers, and what its inputs do to a score, as they stay in the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.models.probing.told import HEADER
from nbkeras.widgets.picture import numerals, png, wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from nbkeras.models.probing.told import LayerGradient, Probe
    from nbkeras.widgets.picture.page import Bundle

_AXES = 4
_LENGTH = 60
_ROWS = 60
_SAMPLES = 8
_SIDE = 48
_PIXELS = 480


def probe_bundle(after: Probe, before: Probe | None = None, maps: Any = None) -> Bundle:
    """Return gradients as HTML and as text; with those of before, both in one table.

    Example:
        >>> from nbkeras.models.probing.told import LayerGradient, Probe
        >>> end = LayerGradient("end", "Dense", 1.0, 0.5)
        >>> "0.5" in probe_bundle(Probe(0.1, 8, (end,)))["text/html"]
        True

    Args:
        after: the gradients.
        before: those of before the cell.
        maps: images of samples and what `nbkeras.saliency` gave for them, as a pair.
    """
    rows = [tuple(wording.line(each, _LENGTH) for each in layer.cells()) for layer in after.layers[:_ROWS]]
    header: tuple[str, ...] = HEADER
    facts = [f"loss {numerals.value(after.loss)} on {numerals.plural(after.samples, 'sample')}"]
    if before is not None:
        earlier = {layer.path: layer for layer in before.layers}
        header = (*HEADER[:2], "weights before", "weights", "gradient before", *HEADER[3:])
        rows = [
            (*row[:2], *_then(earlier.get(layer.path), row), *row[3:])
            for layer, row in zip(after.layers, rows, strict=False)
        ]
        facts.insert(0, f"loss {numerals.value(before.loss)} before the cell")
    table = Table(header, tuple(rows), len(after.layers) - len(rows), words=2)
    charts = [] if maps is None else [_saliency(*maps)]
    remark = f"{', '.join(facts)}; Euclidean norms, one batch in training."
    html = render("features.html", table=table, charts=charts, remarks=[remark], label="Gradients")
    return {"text/html": html, "text/plain": "\n".join([*table.plain(), remark])}


def has_images(x: Any) -> bool:
    """Tell whether inputs are images, of which saliency can be shown."""
    shape = getattr(x, "shape", ())
    return len(shape) == _AXES and min(shape[1:3]) > 1


def _then(layer: LayerGradient | None, row: tuple[str, ...]) -> tuple[str, str, str]:
    if layer is None:
        return numerals.MISSING, row[2], numerals.MISSING
    _, _, weights, gradient, *_ = layer.cells()
    return weights, row[2], gradient


def _saliency(images: Any, gradients: Any) -> dict[str, Any]:
    """Return images above how much each of their pixels moves the score."""
    sides = [np.asarray(images[:_SAMPLES], "float64").mean(-1), np.abs(gradients[:_SAMPLES]).max(-1)]
    step = -(-max(sides[0].shape[1:]) // _SIDE)
    rows = [png.grid(_spread(each[:, ::step, ::step]), len(each)) for each in sides]
    picture = np.concatenate([rows[0], np.full((1, rows[0].shape[1]), 90, "uint8"), rows[1]])
    scale = max(1, _PIXELS // picture.shape[1])
    count = numerals.plural(len(sides[0]), "sample")
    return {
        "src": png.address(picture),
        "alt": f"{count}, and below each how much its pixels move the score of its class, most is white",
        "title": f"{count}; below, how much each pixel moves the score of the class with the highest one",
        "width": picture.shape[1] * scale,
        "height": picture.shape[0] * scale,
    }


def _spread(maps: Any) -> Any:
    """Return maps that each go from 0 to 1: samples are not to be compared with each other."""
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    return (maps - low) / np.where(high > low, high - low, 1)
