"""Pretrained models, one of them, and predictions, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.models.pretrained import cache
from nbkeras.models.pretrained.hub import Preset
from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.models.pretrained.known import KnownModel
    from nbkeras.widgets.picture.page import Bundle

Part = tuple[str, Table, list[str]]

_SOURCE = "size, parameters and accuracy on ImageNet as published on https://keras.io/api/applications/"
_HEADER = (
    *("model", "parameters", "size", "top 1", "top 5", "images"),
    *("colours become", "weights here"),
)
_IMAGES = 20


def models_bundle(models: Sequence[KnownModel], presets: Sequence[Preset], more: Sequence[str]) -> Bundle:
    """Return all models as HTML and as text, the smallest first.

    Args:
        models: of ``keras.applications``.
        presets: of KerasHub, where it is installed.
        more: lines under the table.
    """
    rows = tuple(_cells(each) for each in models)
    line = models[0].line if models else "keras"
    notes = [_SOURCE, f"weights are kept in {cache.folder(line)}", "%pretrained MODEL  shows one", *more]
    parts: list[Part] = [(f"{len(rows)} models of {line}.applications", Table(_HEADER, rows), notes)]
    if presets:
        header = ("preset", "parameters", "weights here")
        lines = tuple(
            (each.name, _millions(each.parameters), "yes" if each.is_here else "no") for each in presets
        )
        parts.append((f"{len(lines)} presets of KerasHub that classify images", Table(header, lines), []))
    return _bundle(parts)


def model_bundle(model: KnownModel | Preset) -> Bundle:
    """Return what is known of one model as HTML and as text."""
    if isinstance(model, Preset):
        facts = [
            ("parameters", _millions(model.parameters)),
            ("what it is", model.description),
            ("from", model.handle),
            ("weights here", "yes" if model.is_here else "no"),
        ]
        return _facts(f"{model.name} of KerasHub", facts)
    labels = dict(zip(_HEADER, _cells(model), strict=True))
    colours = "the model does it: give colours from 0 to 255" if model.scaling is None else str(model.scaling)
    facts = [(name, labels[name]) for name in ("parameters", "size", "top 1", "top 5", "images")]
    facts += [("colours become", f"{colours} ({model.line}.applications.{model.module}.preprocess_input)")]
    for head, name in ((True, "whole model"), (False, "without its head")):
        file = cache.weights_file(model, head=head)
        if file is not None:
            here = "here" if cache.is_here(file, model.line) else "not here"
            checksum = "with a checksum" if file.checksum else "without a checksum"
            facts += [
                (name, f"{here}: {cache.folder(model.line) / file.name}"),
                ("from", f"{file.url}, {checksum}"),
            ]
    return _facts(f"{model.name} of {model.line}.applications", facts)


def decoded_bundle(rows: Sequence[Sequence[tuple[str, float]]]) -> Bundle:
    """Return the most probable classes of images as HTML and as text.

    Example:
        >>> print(decoded_bundle([[("dog", 0.7), ("fox", 0.2)]])["text/plain"])
        image      1st      2nd
        0      dog 70%  fox 20%
    """
    places = max(map(len, rows), default=0)
    header = ("image", *(_place(at) for at in range(1, places + 1)))
    lines = tuple(
        (str(at), *(f"{wording.line(name, 40)} {share:.0%}" for name, share in row))
        for at, row in enumerate(rows[:_IMAGES])
    )
    left_out = len(rows) - len(lines)
    after = [f"and {left_out} more images"] if left_out else []
    return _bundle([("", Table(header, lines), after)])


def _cells(model: KnownModel) -> tuple[str, ...]:
    size = numerals.MISSING if model.size is None else f"{model.size} x {model.size}"
    files = [cache.weights_file(model, head=head) for head in (True, False)]
    names = ("whole", "base")
    here = [name for name, file in zip(names, files, strict=True) if cache.is_here(file, model.line)]
    return (
        model.name,
        _millions(model.parameters),
        numerals.MISSING if model.megabytes is None else f"{model.megabytes:,.0f} MB",
        *(numerals.MISSING if each is None else f"{each:.1f}%" for each in (model.top1, model.top5)),
        size,
        "the model does it" if model.scaling is None else str(model.scaling),
        ", ".join(here) or "no",
    )


def _millions(parameters: float | None) -> str:
    return numerals.MISSING if parameters is None else f"{parameters:,.1f} M"


def _place(at: int) -> str:
    return f"{at}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(at, 'th') }"


def _facts(title: str, facts: Sequence[tuple[str, str]]) -> Bundle:
    table = Table(("fact", "value"), tuple(facts), words=2)
    html = render("stamp.html", title=title, table_of=table, after="")
    return {"text/html": html, "text/plain": "\n".join([title, *table.plain()])}


def _bundle(parts: Sequence[Part]) -> Bundle:
    lines = [
        line
        for title, table, after in parts
        for line in (*([title] if title else []), *(table.plain() if table.rows else []), *after)
    ]
    return {"text/html": render("pretrained.html", parts=parts), "text/plain": "\n".join(lines)}
