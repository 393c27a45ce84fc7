"""Fingerprints: short texts that are equal when weights, an optimizer, a history or data are, bit for bit.

A fingerprint goes by places and values and never by automatic names: a cell that is run again makes
``dense_3`` where it made ``dense`` before, and ``auc_1`` where it made ``auc``.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nbkeras.runtime.keras_lines import line_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# So many hexadecimal digits tell as many states apart as anybody will ever compare.
LENGTH = 16
# Of larger arrays only rows at even distances are read: a stamp must not hold up a training.
WHOLE = 16 * 2**20
_DIGEST = re.compile(rf"[0-9a-f]{{{LENGTH}}}(?= |$)")
_COUNTER = re.compile(r"_\d+(?=$|/|:)")


class Part(NamedTuple):
    """One variable of a model or an optimizer: what it is called, and the digest of its value."""

    name: str
    digest: str


def digest_of(array: Any) -> str:
    """Return the digest of an array: of its type, its shape and its bytes.

    Example:
        >>> digest_of(np.zeros(3)) == digest_of(np.zeros(3)), digest_of(np.zeros(3)) == digest_of(np.ones(3))
        (True, False)
    """
    values = np.asarray(array)
    sha = hashlib.sha256(
        f"{values.dtype.str if values.dtype.kind != 'V' else values.dtype}{values.shape}".encode()
    )
    if values.dtype.hasobject:
        for item in values.ravel().tolist():
            text = item if isinstance(item, bytes) else repr(item).encode("utf-8", "surrogatepass")
            sha.update(len(text).to_bytes(8, "little"))
            sha.update(text)
    elif values.size:
        sha.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return sha.hexdigest()[:LENGTH]


def joined(digests: Iterable[str]) -> str:
    """Return one digest for several, in their order."""
    return hashlib.sha256(" ".join(digests).encode()).hexdigest()[:LENGTH]


def weights_of(model: Any) -> list[Part]:
    """Return a model's weights in its own order, BatchNorm's statistics too; none before it is built."""
    return [_part(variable) for variable in model.weights] if getattr(model, "built", False) else []


def seeds_of(model: Any) -> list[Part]:
    """Return the states from which a model's random layers draw.

    Keras 3 has them among its variables; tf_keras's layers for augmentation have generators, which they make
    when they are first called.
    """
    if line_of(model) == "keras":
        weights = {id(variable) for variable in model.weights}
        return [_part(variable) for variable in model.variables if id(variable) not in weights]
    layers = model._flatten_layers()  # noqa: SLF001 - no public name reaches layers in layers
    held: dict[str, Any] = {layer.name: getattr(layer, "_random_generator", None) for layer in layers}
    # Before the first call there is no such attribute.
    made = {
        name: getattr(each, "_generator", None)
        for name, each in held.items()
        if getattr(each, "_rng_type", None) == "stateful"
    }
    return [Part(name, "" if each is None else digest_of(each.state.numpy())) for name, each in made.items()]


def optimizer_parts(optimizer: Any) -> list[Part]:
    """Return an optimizer's variables: its slots, its count of steps, its learning rate."""
    variables = getattr(optimizer, "variables", ())
    # tf_keras's older optimizers have a method of this name.
    return [_part(variable) for variable in (variables() if callable(variables) else variables)]


def weights_fingerprint(model: Any) -> str:
    """Return the fingerprint of a model's weights.

    Example:
        >>> weights_fingerprint(model)  # doctest: +SKIP
        '509fb92f34f9a1c7'

    Args:
        model: a built model of either Keras line.
    """
    return joined(part.digest for part in weights_of(model))


def history_fingerprint(history: Mapping[str, Sequence[float]]) -> str:
    """Return the fingerprint of a history: metric by metric, whatever their order and counters.

    Example:
        >>> history_fingerprint({"auc_1": [0.5], "loss": [0.1]}) == history_fingerprint(
        ...     {"loss": [0.1], "auc": [0.5]}
        ... )
        True
    """
    rows = sorted(
        (plain_name(name), [float(value).hex() for value in values]) for name, values in history.items()
    )
    return joined(f"{name}={','.join(values)}" for name, values in rows)


def fit_fingerprint(
    model: Any, history: Mapping[str, Sequence[float]], data: Mapping[str, str]
) -> dict[str, Any]:
    """Return the fingerprints of what a ``fit`` came to, and of the data that it had."""
    return {
        "weights": weights_fingerprint(model),
        "optimizer": joined(part.digest for part in optimizer_parts(getattr(model, "optimizer", None))),
        "history": history_fingerprint(history),
        "data": dict(data),
    }


def data_fingerprint(**parts: Any) -> dict[str, str]:
    """Return the fingerprint of each part of the data that can be read without using it up.

    Arrays of up to 16 MiB are read whole, larger ones in rows at even distances, which the fingerprint says.
    A dataset or a generator cannot be read twice: it has what its elements look like, and no values.

    Example:
        >>> sorted(data_fingerprint(x=np.ones((4, 2)), y=None))
        ['x']
    """
    return {name: _data(part) for name, part in parts.items() if part is not None}


def has_values(data: str) -> bool:
    """Tell whether the fingerprint of a part of the data is one of its values, and not of its form alone.

    Example:
        >>> [has_values(each) for each in data_fingerprint(x=np.ones(3), y=iter(())).values()]
        [True, False]
    """
    return _DIGEST.match(data) is not None


def plain_name(name: str) -> str:
    """Return a name without the counters of Keras.

    Example:
        >>> plain_name("sequential_2/dense_3/kernel"), plain_name("auc_1")
        ('sequential/dense/kernel', 'auc')
    """
    return _COUNTER.sub("", name)


def _part(variable: Any) -> Part:
    name = getattr(variable, "path", None) or str(getattr(variable, "name", "")).partition(":")[0]
    return Part(name, digest_of(variable.numpy() if hasattr(variable, "numpy") else variable))


def _data(part: Any) -> str:
    if isinstance(part, (list, tuple)) and any(hasattr(each, "shape") for each in part):
        return joined(_data(each) for each in part)
    if isinstance(part, dict):
        return joined(f"{name}={_data(each)}" for name, each in sorted(part.items(), key=str))
    spec = getattr(part, "element_spec", None)
    if spec is not None:
        return f"a dataset of {spec}"
    try:
        values = np.asarray(part) if isinstance(part, (list, tuple)) or hasattr(part, "__array__") else None
    except (TypeError, ValueError, RuntimeError):
        values = None
    if values is None or not values.ndim:
        return f"a {type(part).__name__}"
    if values.nbytes <= WHOLE:
        return f"{digest_of(values)} {values.dtype}{list(values.shape)}"
    kept = max(1, WHOLE // max(1, values.nbytes // len(values)))
    rows = values[np.linspace(0, len(values) - 1, kept).astype(int)]
    return f"{digest_of(rows)} {values.dtype}{list(values.shape)}, {kept} rows read"
