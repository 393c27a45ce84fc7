"""Digests of a notebook's variables, of all that has a value that two runs can agree on."""

from __future__ import annotations

import hashlib
import itertools
import random
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.reproducibility.fingerprint import digest_of, joined, optimizer_parts, seeds_of, weights_of
from nbkeras.reproducibility.generators import kind_of, state_of
from nbkeras.reproducibility.proof.trace import Value
from nbkeras.runtime.keras_lines import is_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A container of more items is left out: looking at it would take longer than the cell.
ITEMS = 200_000
BYTES = 2**30
_LENGTH = 40


def values_of(names: Iterable[str], variables: Mapping[str, Any]) -> dict[str, Value]:
    """Return the values of those variables that have one; functions, classes and modules have none."""
    found = {name: value_of(variables[name]) for name in names if name in variables}
    return {name: value for name, value in found.items() if value is not None}


def value_of(thing: Any) -> Value | None:
    """Return the value of a thing, None where it has none that two runs could compare."""
    try:
        return _value(thing, itertools.count())
    except Exception:  # noqa: BLE001 - a look at a user's object must not end the cell
        return None


def random_states() -> dict[str, str]:
    """Return the digest of each random generator that the whole process shares."""
    states = {
        "Python": _text(repr(random.getstate())),
        "NumPy": _text(repr([np.asarray(each).tolist() for each in np.random.get_state()])),  # noqa: NPY002 - the shared one
    }
    context = sys.modules.get("tensorflow.python.eager.context")
    own = None if context is None else getattr(context.context(), "_rng", None)
    if own is not None:
        states["TensorFlow"] = _text(repr(own.getstate()))
    return states


def _value(thing: Any, counter: Any) -> Value | None:
    if next(counter) > ITEMS:
        return None
    if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes)):
        text = repr(thing)
        words = text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"
        return Value(words, _text(f"{type(thing).__name__} {text}"))
    if isinstance(thing, (list, tuple, set, frozenset, dict)):
        return _container(thing, counter)
    return _state(thing) or _array(thing)


def _container(thing: Any, counter: Any) -> Value | None:
    items = list(thing.items()) if isinstance(thing, dict) else list(thing)
    found = [_value(item, counter) for item in items]
    digests = [value.digest for value in found if value is not None]
    if len(digests) < len(items):
        return None
    kind = type(thing).__name__
    words = f"{kind} of {len(items)} item{'s' * (len(items) != 1)}"
    return Value(words, joined([kind, *digests]), joined([kind, *sorted(digests)]))


def _state(thing: Any) -> Value | None:
    """Return the value of what has a state: a model, an optimizer, a random generator."""
    if is_model(thing):
        parts = [*weights_of(thing), *seeds_of(thing), *optimizer_parts(getattr(thing, "optimizer", None))]
        return (
            Value(f"model of {len(parts)} variables", joined(part.digest for part in parts))
            if parts
            else None
        )
    state = state_of(thing)
    return None if state is None else Value(kind_of(thing), _text(state))


def _array(thing: Any) -> Value | None:
    if hasattr(thing, "to_numpy"):
        values = thing.to_numpy()
    elif hasattr(thing, "numpy") and hasattr(thing, "dtype"):
        values = thing.numpy()
    else:
        values = thing
    if not isinstance(values, (np.ndarray, np.generic)) or values.nbytes > BYTES:
        return None
    values = np.asarray(values)
    loose = loose_digest(values) if values.ndim and len(values) <= ITEMS else ""
    return Value(f"{type(thing).__name__} {values.dtype}{list(values.shape)}", digest_of(values), loose)


def loose_digest(values: np.ndarray[Any, Any]) -> str:
    """Return the digest of an array's rows whatever their order."""
    if values.dtype.hasobject or not values.size:
        rows = [repr(row.tolist() if hasattr(row, "tolist") else row).encode() for row in values]
    else:
        rows = [row.tobytes() for row in np.ascontiguousarray(values).reshape(len(values), -1)]
    total = sum(int.from_bytes(hashlib.blake2b(row, digest_size=8).digest(), "little") for row in rows)
    return f"{total % 2**64:016x}"


def _text(text: str) -> str:
    return joined([text])
