"""`features`: the outputs of layers, and how they look in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.models.outputs.features import Features
from nbkeras.models.outputs.features import features as computed
from nbkeras.widgets.picture import histogram, numerals, png, svg, wording
from nbkeras.widgets.picture.page import fit, render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    import os

    from nbkeras.widgets.picture.page import Bundle

LIMIT = 64_000
"""The most bytes that a view of features takes in a notebook's file."""

_AXES = 3
_OUTPUTS = 40
_LENGTH = 60
# Letters that the width of a histogram has room for.
_ABOVE = 32
_COLUMNS = 8
_PIXELS = 400
_SAMPLES = 256
_REMARK = 400
_HEADER = ("output", "shape", "mean", "std", "zeros", "dead units")


def features(
    model: Any,
    layers: Any,
    x: Any,
    *,
    to: str | os.PathLike[str] | None = None,
    batch_size: int = 32,
    training: bool = False,
) -> ShownFeatures:
    """Return what layers of a model put out for some inputs.

    The whole model is called, batch by batch, and what its layers return is recorded: those of nested models,
    every use of a layer that is called several times, and those of subclassed models, which have no graph.
    Weights, statistics, random generators and losses stay as they are, bit for bit.

    Example:
        >>> import keras, numpy as np, nbkeras
        >>> layers = [keras.Input((4,)), keras.layers.Dense(3, name="low"), keras.layers.Dense(1, name="end")]
        >>> model = keras.Sequential(layers)
        >>> found = nbkeras.features(model, ["low", -1], np.ones((8, 4), "float32"))
        >>> found["low"].shape, found["end"].shape
        ((8, 3), (8, 1))

    Args:
        model: a built model of either Keras line.
        layers: layers, or a list of them: by name, by path in nested models (``base/conv``), by a pattern
            with ``*``, by index among the model's own layers without its inputs, or themselves.
            ``name#2`` is the second use of a layer.
        x: the inputs: an array, a list, tuple or dict of them, or a ``tf.data.Dataset`` of batches, of which
            targets are left out.
        to: an HDF5 file, written batch by batch and there when all is; ``/`` of a path is ``.`` in it.
        batch_size: samples that are computed at a time; a Dataset has its own batches.
        training: True calls the model as in training.

    Returns:
        A mapping from name to array, or to rows in the file; as a cell's last line it shows feature maps and
        histograms. Several uses of a layer are ``name#1``,
        ``name#2``; several tensors of one are ``name:0``, ``name:1``.

    Raises:
        Refusal: for a model that is not built, for a layer that there is not, that is not called, or that is
            called in a loop, and for an endless Dataset.
    """
    found = computed(model, layers, x, to=to, batch_size=batch_size, training=training)
    return ShownFeatures(found, found.left_out)


class ShownFeatures(Features):
    """Outputs of layers that a notebook shows as pictures."""

    def show(self, sample: int = 0) -> None:
        """Show feature maps of one sample, and histograms of all.

        Args:
            sample: its row.
        """
        from IPython.display import display

        display(features_bundle(self, sample), raw=True)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:  # noqa: ARG002 - IPython's
        return features_bundle(self)


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much is shown: outputs with a picture, maps of each, pixels of a map's side."""

    pictures: int
    maps: int
    side: int


_DETAILS = (_Detail(12, 16, 32), _Detail(8, 16, 24), _Detail(6, 8, 16), _Detail(3, 8, 8), _Detail(1, 4, 8))


def features_bundle(found: Features, sample: int = 0) -> Bundle:
    """Return outputs of layers as HTML and as text: a table, feature maps, histograms.

    Example:
        >>> import numpy as np
        >>> bundle = features_bundle(Features({"conv": np.ones((2, 4, 4, 3))}))
        >>> "Feature maps of conv" in bundle["text/html"]
        True
    """
    # Of a file, some rows are read once.
    names = list(found)[:_OUTPUTS]
    rows = {name: np.asarray(found[name][:_SAMPLES]) for name in names}
    one = {name: np.asarray(found[name][sample]) for name in names}
    shown = tuple(_row(name, found[name].shape, rows[name]) for name in names)
    table = Table(_HEADER, shown, len(found) - len(shown), words=2)
    size = numerals.plural(max((len(each) for each in rows.values()), default=0), "sample")
    remarks = [f"Figures and histograms are of the first {size}; a dead unit gives 0 for all of them."]
    remarks += [wording.line(each, _REMARK) for each in found.remarks()]

    def made(detail: _Detail) -> Bundle:
        charts = [
            _maps(name, one[name], sample, detail) if _is_image(one[name]) else _histogram(name, rows[name])
            for name in names[: detail.pictures]
        ]
        html = render("features.html", table=table, charts=charts, remarks=remarks, label="Outputs of layers")
        return {"text/html": html, "text/plain": "\n".join([*table.plain(), *remarks[1:]])}

    return fit(LIMIT, _DETAILS, made)


def _row(name: str, shape: tuple[int, ...], rows: Any) -> tuple[str, ...]:
    values = _real(rows)
    # A unit is a place on the last axis: a channel, a neuron.
    dead = (values == 0).reshape(-1, values.shape[-1]).all(0) if values.ndim > 1 else np.zeros(0)
    mean, std = _mean_and_std(values)
    return (
        wording.line(name, _LENGTH),
        " x ".join(map(str, shape)),
        mean,
        std,
        f"{(values == 0).mean():.0%}",
        f"{int(dead.sum())} of {len(dead)}" if len(dead) else numerals.MISSING,
    )


def _real(rows: Any) -> Any:
    """Return values as real numbers, of complex ones their sizes."""
    return np.asarray(np.abs(rows) if np.iscomplexobj(rows) else rows, "float64")


def _mean_and_std(values: Any) -> tuple[str, str]:
    # Half precision overflows to infinities, which have no deviation.
    with np.errstate(invalid="ignore"):
        return numerals.value(float(values.mean())), numerals.value(float(values.std()))


def _is_image(one: Any) -> bool:
    return bool(one.ndim == _AXES and min(one.shape[:2]) > 1)


def _maps(name: str, one: Any, sample: int, detail: _Detail) -> dict[str, Any]:
    channels = np.moveaxis(_real(one), -1, 0)
    some = _finite(channels[: detail.maps])
    step = -(-max(some.shape[1:]) // detail.side)
    picture = png.grid(some[:, ::step, ::step], min(_COLUMNS, len(some)))
    scale = max(1, _PIXELS // picture.shape[1])
    low, high = numerals.value(float(some.min())), numerals.value(float(some.max()))
    of = f"{len(some)} of {numerals.plural(len(channels), 'channel')}, sample {sample}, {low} to {high}"
    title = wording.line(name, _LENGTH)
    return {
        "src": png.address(picture),
        "alt": f"Feature maps of {title}: {of}, the least value black",
        "title": f"{title}: {of}",
        "width": picture.shape[1] * scale,
        "height": picture.shape[0] * scale,
    }


def _finite(maps: Any) -> Any:
    """Return maps without infinities, which are the highest and lowest of the others, and NaN, which is 0."""
    known = maps[np.isfinite(maps)]
    return np.nan_to_num(maps, posinf=known.max(initial=0.0), neginf=known.min(initial=0.0))


def _histogram(name: str, rows: Any) -> dict[str, Any]:
    values, title = _real(rows), wording.line(name, _LENGTH)
    mean, std = _mean_and_std(values)
    # The end of a path says most.
    above = title if len(title) <= _ABOVE else f"…{title[1 - _ABOVE :]}"
    return {
        "src": svg.address(histogram.draw(above, values)),
        "alt": f"Histogram of the outputs of {title}: mean {mean}, standard deviation {std}",
        "title": "",
        "width": histogram.WIDTH,
        "height": histogram.HEIGHT,
    }
