"""The layers of a model that draw random numbers while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility.fingerprint import plain_name
from nbkeras.reproducibility.proof.trace import RandomLayer

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOISE = ("Dropout",)
_AUGMENTS = ("Random", "GaussianNoise", "AutoContrast", "MixUp", "CutMix", "AugMix")
_INNER = ("dropout", "recurrent_dropout")


def random_layers(model: Any) -> list[RandomLayer]:
    """Return the layers of a model that draw random numbers: Dropout and its like, augmentation."""
    found = [
        RandomLayer(plain_name(layer.name), type(layer).__name__, getattr(layer, "seed", None) is not None)
        for layer in _all_layers(model)
        if _draws(layer)
    ]
    return list({layer.name: layer for layer in found}.values())


def augments(kind: str) -> bool:
    """Tell whether a class of layers changes the data, by Keras's naming of them.

    Keras's own words for GaussianNoise are "a form of random data augmentation".
    """
    return (
        kind.startswith(("Random", "GaussianNoise", "AutoContrast", "MixUp", "CutMix", "AugMix"))
        or "Augment" in kind
    )


def _draws(layer: Any) -> bool:
    kind = type(layer).__name__
    if augments(kind) or any(kind.endswith(noise) for noise in _NOISE) or kind.startswith("SpatialDropout"):
        return True
    rates = (getattr(layer, name, 0) for name in _INNER)
    return any(isinstance(rate, float) and rate > 0 for rate in rates)


def _all_layers(model: Any) -> Iterator[Any]:
    # Keras 3 has a private walk over all of them; tf_keras's is public only on modules.
    walk = getattr(model, "_flatten_layers", None)
    if callable(walk):
        yield from walk(include_self=False)
