"""Which layers of a model are meant, by name, pattern, path, index or as they are."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import is_model
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_NAMES = 8
_AGAIN = re.compile(r"~[1-9]\d*$")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A layer whose outputs are wanted.

    Attributes:
        path: its name behind those of the layers that it is in: ``base/conv``.
        layer: the layer.
        use: which of its calls is wanted, from 1 on; None for all of them.
        by_pattern: whether it was meant by a pattern alone, among others.
    """

    path: str
    layer: Any
    use: int | None = None
    by_pattern: bool = False


def paths_of(model: Any) -> dict[str, Any]:
    """Return all layers of a model by their paths, each layer once, inputs left out.

    A subclassed model may have several layers of one name: the second one is ``name~2``.
    """
    return dict(_walk(model, "", set()))


def chosen(model: Any, layers: Any) -> list[Chosen]:
    """Return the layers that are meant, in the order in which they were asked for.

    Raises:
        Refusal: for what no layer is meant by.
    """
    paths = paths_of(model)
    found: dict[tuple[int, int | None], Chosen] = {}
    for key in layers if isinstance(layers, Iterable) and not isinstance(layers, str) else [layers]:
        matches = list(_matches(model, paths, key))
        if not matches:
            names = list(paths)
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            raise Refusal(
                f"features: expected a layer of {model.name!r}, received {getattr(key, 'name', key)!r}: it "
                f"has {', '.join(names[:_MOST_NAMES])}{more}"
            )
        for each in matches:
            known = found.setdefault((id(each.layer), each.use), each)
            if known.by_pattern and not each.by_pattern:
                found[id(each.layer), each.use] = each
    if not found:
        raise Refusal("features: expected at least one layer, received none: give a name, or  '*'")
    return list(found.values())


def _matches(model: Any, paths: dict[str, Any], key: Any) -> Iterable[Chosen]:
    if not isinstance(key, str):
        by_index = hasattr(key, "__index__") and not isinstance(key, bool)
        layer = _at(model, operator.index(key)) if by_index else key
        return [Chosen(path, each) for path, each in paths.items() if each is layer]
    # A layer's own name goes before what else the text may mean.
    name, use = key, None
    if key not in paths and (numbered := re.fullmatch(r"(.+)#([1-9]\d*)", key)):
        name, use = numbered[1], int(numbered[2])
    exact = [Chosen(path, layer, use) for path, layer in paths.items() if name in {path, _first(path)}]
    named = [
        Chosen(path, layer, use)
        for path, layer in paths.items()
        if name in {path.rpartition("/")[2], layer.name}
    ]
    if not exact and not named and re.fullmatch(r"-?\d+", name):
        layer = _at(model, int(name))
        named = [Chosen(path, each, use) for path, each in paths.items() if each is layer]
    return (
        exact
        or named
        or [
            Chosen(path, layer, use, by_pattern=True)
            for path, layer in paths.items()
            if fnmatchcase(path, name) or fnmatchcase(path.rpartition("/")[2], name)
        ]
    )


def _at(model: Any, index: int) -> Any:
    layers = [each for each in model.layers if not _is_input(each)]
    if not -len(layers) <= index < len(layers):
        raise Refusal(
            f"features: expected an index from {-len(layers)} to {len(layers) - 1}, received {index}: "
            f"{model.name!r} has {len(layers)} layers, its inputs not counted"
        )
    return layers[index]


def _walk(holder: Any, before: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    # In public, models alone list what they hold.
    inside = (
        holder.layers if is_model(holder) else holder._flatten_layers(include_self=False, recursive=False)  # noqa: SLF001
    )
    names: dict[str, int] = {}
    for layer in inside:
        if id(layer) in seen or _is_input(layer):
            continue
        seen.add(id(layer))
        names[layer.name] = count = names.get(layer.name, 0) + 1
        path = f"{before}{layer.name}" + (f"~{count}" if count > 1 else "")
        yield path, layer
        yield from _walk(layer, f"{path}/", seen)


def _first(path: str) -> str:
    """Return the name that a path has without the number of one of several of that name."""
    return _AGAIN.sub("", path)


def _is_input(layer: Any) -> bool:
    return type(layer).__name__ == "InputLayer"
