"""Which layers of a model are meant: by name, path, pattern, place or use."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

_USE = re.compile(r"(.+):(\d+)")
_MOST_NAMES = 8


class Chosen(NamedTuple):
    """A layer that is meant.

    Attributes:
        path: its name behind those of the models and layers that it is in: ``base/conv1``.
        layer: the layer.
        use: which of its uses is meant, from 1 on; None for all of them.
    """

    path: str
    layer: Any
    use: int | None


def chosen_layers(model: Any, layers: Any) -> list[Chosen]:
    """Return the layers that are meant, in the order in which they were asked for, each once.

    Args:
        model: the model.
        layers: one or several of: a layer; its name; its path; a pattern of either with ``*``; its place in
            ``model.layers``, also from the end. ``name:2`` is the second use of a layer.

    Raises:
        Refusal: for what no layer, or more than one, answers to.
    """
    paths = layer_paths(model)
    several = layers if isinstance(layers, (list, tuple)) else [layers]
    if not several:
        raise Refusal(f"features: expected a layer of {model.name!r}, received none: {_names(paths)}")
    found: dict[tuple[int, int | None], Chosen] = {}
    for asked in several:
        for each in _answering(model, paths, asked):
            found.setdefault((id(each.layer), each.use), each)
    return list(found.values())


def layer_paths(model: Any) -> dict[str, Any]:
    """Return all layers of a model by their paths, each once."""
    found: dict[str, Any] = {}
    _collect(model, "", found, {id(model)})
    return found


def _collect(holder: Any, path: str, found: dict[str, Any], seen: set[int]) -> None:
    # In public, models alone list what they hold; wrappers and the user's own layers do so here.
    if is_model(holder):
        inside = holder.layers
    else:
        inside = holder._flatten_layers(include_self=False, recursive=False)  # noqa: SLF001
    for layer in inside:
        if id(layer) in seen or type(layer).__name__ == "InputLayer":
            continue
        seen.add(id(layer))
        name = f"{path}{layer.name}"
        # Two layers of one name may be side by side in a model of one's own.
        number = 2
        while name in found:
            name, number = f"{path}{layer.name}#{number}", number + 1
        found[name] = layer
        _collect(layer, f"{name}/", found, seen)


def _answering(model: Any, paths: dict[str, Any], asked: Any) -> Iterable[Chosen]:
    if isinstance(asked, int) and not isinstance(asked, bool):
        if not -len(model.layers) <= asked < len(model.layers):
            raise Refusal(
                f"features: expected a place in the {len(model.layers)} layers of {model.name!r}, received "
                f"{asked}: the last one is  -1"
            )
        asked = model.layers[asked]
    if not isinstance(asked, str):
        name = next((path for path, layer in paths.items() if layer is asked), None)
        if name is None:
            raise Refusal(
                f"features: expected a layer of {model.name!r}, received "
                f"{getattr(asked, 'name', None) or type(asked).__name__}: {_names(paths)}"
            )
        return [Chosen(name, asked, None)]
    names, use = _matching(paths, asked), None
    parted = _USE.fullmatch(asked)
    if not names and parted is not None and int(parted[2]) > 0:
        names, use = _matching(paths, parted[1]), int(parted[2])
    if not names:
        raise Refusal(f"features: expected a layer of {model.name!r}, received {asked!r}: {_names(paths)}")
    if len(names) > 1 and "*" not in asked:
        raise Refusal(
            f"features: expected one layer, received {asked!r}, which is the name of {' and '.join(names)}: "
            "give one of these"
        )
    return [Chosen(name, paths[name], use) for name in names]


def _matching(paths: dict[str, Any], asked: str) -> list[str]:
    if asked in paths:
        return [asked]
    whole = [path for path in paths if fnmatchcase(path, asked)] if "*" in asked else []
    return whole or [path for path in paths if fnmatchcase(path.rpartition("/")[2], asked)]


def _names(paths: dict[str, Any]) -> str:
    names = list(paths)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"it has {', '.join(names[:_MOST_NAMES])}{more}"
