"""The random state of Python, NumPy, Keras and TensorFlow, as data."""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

State: TypeAlias = dict[str, Any]


def read_random() -> State:
    """Return the random state of this process."""
    return {name: read() for name, (read, _) in _SOURCES.items()}


def write_random(state: State, *, but: frozenset[str] = frozenset()) -> None:
    """Set the random state of this process.

    Args:
        state: what `read_random` gave.
        but: the sources to leave alone.
    """
    for name, (_, write) in _SOURCES.items():
        if name not in but and state.get(name) is not None:
            write(state[name])


PYTHON_DRIVEN = frozenset({"python", "numpy"})
"""What generators and PyDatasets may draw from."""


SHARED = ("tensorflow global", "keras")
"""Those that are variables, with which a function of TensorFlow may draw."""


def behind(name: str) -> Any:
    """Return TensorFlow's variable behind one of `SHARED`, None where there is none yet."""
    generator = _keras_seeds() if name == "keras" else _global_generator()
    state = getattr(generator, "state", None)
    return getattr(state, "_value", state)


def _of(generator: random.Random) -> list[Any]:
    version, numbers, gauss = generator.getstate()
    return [version, np.array(numbers, np.uint32), gauss]


def _set(generator: random.Random, state: list[Any]) -> None:
    version, numbers, gauss = state
    generator.setstate((version, tuple(int(number) for number in numbers), gauss))


_python = random._inst  # noqa: SLF001 - the generator behind random.random()


def _read_numpy() -> Any:
    # A dict with the name of the bit generator: it may have been exchanged.
    return np.random.get_state(legacy=False)  # noqa: NPY002 - the state that users' code draws from


def _write_numpy(state: Any) -> None:
    np.random.set_state(state)  # noqa: NPY002 - see above


def _context() -> Any:
    """Return TensorFlow's eager context, which draws the seeds of random operations."""
    if "tensorflow" not in sys.modules:
        return None
    from tensorflow.python.eager import context

    return context.context()


def _read_context() -> Any:
    generator = getattr(_context(), "_rng", None)
    return None if generator is None else _of(generator)


def _write_context(state: Any) -> None:
    held = _context()
    if getattr(held, "_rng", None) is None:
        # Nothing was seeded here yet. The seed itself stays: operations that are traced later depend on it.
        held._rng = random.Random()  # noqa: S311, SLF001 - the state is set at once
    _set(held._rng, state)  # noqa: SLF001 - no public name


def _global_generator() -> Any:
    if "tensorflow" not in sys.modules:
        return None
    from tensorflow.python.ops import stateful_random_ops

    return stateful_random_ops.global_generator


def _read_global() -> Any:
    generator = _global_generator()
    return None if generator is None else generator.state.numpy()


def _write_global(state: Any) -> None:
    generator = _global_generator()
    if generator is not None:
        generator.state.assign(state)


def _keras_seeds() -> Any:
    """Return Keras 3's global seed generator, None when nobody has drawn from it."""
    if "keras" not in sys.modules:
        return None
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute("global_seed_generator")


def _read_keras() -> Any:
    generator = _keras_seeds()
    return None if generator is None else np.asarray(generator.state.numpy())


def _write_keras(state: Any) -> None:
    from keras.src.random.seed_generator import global_seed_generator

    global_seed_generator().state.assign(state)


def _legacy_seeds() -> Any:
    """Return the generator from which tf_keras draws the seeds of its layers, None before."""
    module = sys.modules.get("tf_keras.src.backend")
    return getattr(getattr(module, "_SEED_GENERATOR", None), "generator", None)


def _read_legacy() -> Any:
    generator = _legacy_seeds()
    return None if generator is None else _of(generator)


def _write_legacy(state: Any) -> None:
    generator = _legacy_seeds()
    if generator is not None:
        _set(generator, state)


_SOURCES: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "python": (lambda: _of(_python), lambda state: _set(_python, state)),
    "numpy": (_read_numpy, _write_numpy),
    "tensorflow": (_read_context, _write_context),
    "tensorflow global": (_read_global, _write_global),
    "keras": (_read_keras, _write_keras),
    "tf_keras": (_read_legacy, _write_legacy),
}
