"""Random generators that a notebook holds: their states, to take them back later in the same process."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


def state_of(thing: Any) -> str | None:
    """Return the state of a random generator as a text, None for what is none.

    Example:
        >>> state_of(np.random.default_rng(1)) == state_of(np.random.default_rng(1)), state_of([1])
        (True, None)
    """
    if isinstance(thing, np.random.Generator):
        return repr(thing.bit_generator.state)
    if isinstance(thing, np.random.RandomState):
        return repr([np.asarray(each).tolist() for each in thing.get_state()])
    if isinstance(thing, random.Random):
        return repr(thing.getstate())
    variable = _variable_of(thing)
    return None if variable is None else repr(variable.numpy().tolist())


def undo_of(thing: Any) -> Callable[[], None] | None:
    """Return what gives a random generator the state that it has now, None for what is none."""
    if isinstance(thing, np.random.Generator):
        bits, state = thing.bit_generator, thing.bit_generator.state
        return lambda: setattr(bits, "state", state)
    if isinstance(thing, np.random.RandomState):
        held = thing.get_state()
        return lambda: thing.set_state(held)
    if isinstance(thing, random.Random):
        kept = thing.getstate()
        return lambda: thing.setstate(kept)
    variable = _variable_of(thing)
    if variable is None:
        return None
    value = variable.numpy().copy()
    return lambda: variable.assign(value)


def variables_of(thing: Any) -> list[Any]:
    """Return the variables behind a random generator: one of TensorFlow's or Keras's has one."""
    variable = _variable_of(thing)
    return [] if variable is None else [variable]


def kind_of(thing: Any) -> str:
    """Name a random generator by the library that it comes from."""
    if isinstance(thing, random.Random):
        return "random generator"
    if isinstance(thing, (np.random.Generator, np.random.RandomState)):
        return "NumPy generator"
    return "TensorFlow generator" if type(thing).__name__ == "Generator" else "Keras generator"


def _variable_of(thing: Any) -> Any:
    """Return the variable of a tf.random.Generator or of a keras.random.SeedGenerator."""
    kind = type(thing)
    if kind.__name__ not in {"Generator", "SeedGenerator"}:
        return None
    if kind.__module__.partition(".")[0] not in {"tensorflow", "keras"}:
        return None
    state = getattr(thing, "state", None)
    return state if hasattr(state, "assign") and hasattr(state, "numpy") else None
