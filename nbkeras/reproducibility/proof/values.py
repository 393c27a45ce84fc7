"""Digests of a notebook's variables, of all that has a value that two runs can agree on."""

from __future__ import annotations

import hashlib
import itertools
import operator
import random
import sys
from collections.abc import Iterator
from types import FunctionType, GeneratorType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.reproducibility.fingerprint import (
    digest_of,
    joined,
    optimizer_parts,
    plain_name,
    seeds_of,
    weights_of,
)
from nbkeras.reproducibility.generators import kind_of, state_of
from nbkeras.reproducibility.proof.trace import Value
from nbkeras.reproducibility.stamp_flags import tensorflow_seed
from nbkeras.runtime.keras_lines import is_model, line_of

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


def unseen(names: Iterable[str], variables: Mapping[str, Any]) -> list[str]:
    """Return those variables whose values could not be compared, each with its kind.

    Functions, classes and modules are left out: they are no result.

    Example:
        >>> unseen(["a", "b", "c"], {"a": object(), "b": 1, "c": len})
        ['a (object)']
    """
    held = {name: variables[name] for name in names if name in variables}
    kinds = {name: type(thing).__name__ for name, thing in held.items() if not _is_code(thing)}
    return [f"{name} ({kind})" for name, kind in kinds.items() if value_of(held[name]) is None]


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
    # Without a seed its operations draw from the system, whatever state it has.
    if own is not None and tensorflow_seed() is not None:
        states["TensorFlow"] = _text(repr(own.getstate()))
    return states


def _is_code(thing: Any) -> bool:
    return isinstance(thing, (type, ModuleType, FunctionType, type(len)))


def _value(thing: Any, counter: Any) -> Value | None:
    if next(counter) > ITEMS:
        return None
    if thing is None or isinstance(thing, (bool, int, float, complex, str, bytes)):
        text = repr(thing)
        words = text if len(text) <= _LENGTH else f"{text[: _LENGTH - 1]}…"
        return Value(words, _text(f"{type(thing).__name__} {text}"))
    if isinstance(thing, (list, tuple, set, frozenset, dict)):
        return _container(thing, counter)
    return _state(thing) or _array(thing) or _inside(thing, counter)


def _inside(thing: Any, counter: Any) -> Value | None:
    """Return the value of what holds simple things: a history, an iterator, an object of one's own."""
    kind = type(thing)
    if kind.__name__ == "History" and line_of(thing) is not None:
        return _named(_value(dict(thing.history), counter), "history")
    if isinstance(thing, GeneratorType):
        frame = thing.gi_frame
        held = (
            None if frame is None else [frame.f_lasti, *(_digest(each) for each in frame.f_locals.values())]
        )
        return Value("generator", _text(repr(held)))
    if isinstance(thing, Iterator):
        # How far it is; where nothing tells that, it has no value.
        left = repr(thing) if isinstance(thing, itertools.count) else operator.length_hint(thing, -1)
        return None if left == -1 else Value(kind.__name__, _text(f"{kind.__name__} {left}"))
    if kind.__module__ in {"__main__", "types", "argparse"} and not callable(thing):
        return _named(_value(dict(vars(thing)), counter), kind.__name__)
    return None


def _named(value: Value | None, name: str) -> Value | None:
    return None if value is None else Value(name, value.digest, value.loose)


def _digest(thing: Any) -> str:
    value = value_of(thing)
    return "" if value is None else value.digest


def _container(thing: Any, counter: Any) -> Value | None:
    items = list(thing.items()) if isinstance(thing, dict) else list(thing)
    if isinstance(thing, dict) and all(map(_is_metric, items)):
        # A cell that is run again may call a metric auc_1 where it was auc.
        items = [(plain_name(name), values) for name, values in items]
    found = [_value(item, counter) for item in items]
    digests = [value.digest for value in found if value is not None]
    if len(digests) < len(items):
        return None
    kind = type(thing).__name__
    words = f"{kind} of {len(items)} item{'s' * (len(items) != 1)}"
    return Value(words, joined([kind, *digests]), joined([kind, *sorted(digests)]))


def _is_metric(item: tuple[Any, Any]) -> bool:
    name, values = item
    each = values if isinstance(values, list) else [values]
    return isinstance(name, str) and all(isinstance(value, float) for value in each)


def _state(thing: Any) -> Value | None:
    """Return the value of what has a state: a model, an optimizer, a random generator."""
    if is_model(thing):
        # One that is not built yet is compared, too: on tf_keras its layers then make their generators, and
        # its weights can't be asked for.
        weights = weights_of(thing) if thing.built else []
        parts = [*weights, *seeds_of(thing), *optimizer_parts(getattr(thing, "optimizer", None))]
        return Value(f"model of {len(parts)} variables", joined(part.digest for part in parts))
    state = state_of(thing)
    if state is None and line_of(thing) is not None and not callable(getattr(thing, "variables", len)):
        seeds = seeds_of(thing) if line_of(thing) == "tf_keras" and hasattr(thing, "_flatten_layers") else []
        digests = [*(digest_of(each.numpy()) for each in thing.variables), *(part.digest for part in seeds)]
        return (
            Value(f"{type(thing).__name__} of {len(digests)} variables", joined(digests)) if digests else None
        )
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
