"""What a notebook's variables hold: things in dicts and lists, and in objects of the user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.named_values import is_own

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A longer one is data.
_FEW = 50
_DEPTH = 2


def opened(things: Mapping[str, Any], *, depth: int = _DEPTH) -> dict[str, Any]:
    """Return things and what they hold, by what a user would type for it.

    Layers and models are left shut: they are looked at as a whole.

    Example:
        >>> list(opened({"made": {"rng": 1, "rates": [2]}}))
        ['made', "made['rng']", "made['rates']", "made['rates'][0]"]
    """
    found: dict[str, Any] = {}
    for name, thing in things.items():
        found[name] = thing
        if depth:
            found |= opened({f"{name}{place}": each for place, each in _inside(thing)}, depth=depth - 1)
    return found


def _inside(thing: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, dict):
        yield from ((f"[{key!r}]", each) for key, each in list(thing.items())[:_FEW])
    elif isinstance(thing, (list, tuple)):
        yield from ((f"[{place}]", each) for place, each in enumerate(thing[:_FEW]))
    elif is_own(type(thing).__module__) and not hasattr(thing, "_flatten_layers"):
        yield from ((f".{name}", each) for name, each in list(getattr(thing, "__dict__", {}).items())[:_FEW])
