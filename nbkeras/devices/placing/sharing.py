"""Which layers are in wrappers, and what a file tells of a layer that is in several."""

from __future__ import annotations

import weakref
from typing import Any

_wrappers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
_tokens: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def note(layer: Any) -> None:
    """Note that a layer was put into a wrapper."""
    _wrappers[layer] = _wrappers.get(layer, 0) + 1
    if _wrappers[layer] > 1 and layer not in _tokens:
        others = [each for each in _tokens if each.name == layer.name]
        _tokens[layer] = f"nbkeras>{layer.name}{len(others) or ''}"


def is_wrapped(layer: Any) -> bool:
    """Tell whether a layer is in a wrapper."""
    return layer in _wrappers


def with_token(layer: Any, config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a layer so that Keras makes one layer of it for all its wrappers.

    Keras itself writes ``shared_object_id`` into the second configuration of an object, and into the first
    one only where it is not copied later on, as that of a layer in a wrapper is: loading then makes two
    layers, and fails for want of the weights of one (Keras 3.15.1, tf_keras 2.21). The name is ours, and not
    the ``id`` that Keras takes, for the configuration to be the same in another process.
    """
    token = _tokens.get(layer)
    return config if token is None else {**config, "shared_object_id": token}
