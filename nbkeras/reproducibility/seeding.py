"""Seeds everything that draws random numbers: Python, NumPy, Keras and TensorFlow."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from types import ModuleType

# NumPy's legacy generator takes no larger one.
LARGEST = 2**32 - 1


@dataclass(slots=True)
class _Seeded:
    """What this process was seeded with last."""

    seed: int | None = None
    awaited: tuple[str, ...] = ()


_seeded = _Seeded()


def seed(value: int, *, deterministic: bool = False) -> None:
    """Seed Python, NumPy, Keras and TensorFlow with one number.

    Seeding alone changes how Keras 3 trains: from then on ``fit`` gives NumPy arrays one and the same order
    in every epoch. After this function, a ``fit`` that nbkeras monitors (``%%fit``, `nbkeras.fitting`) gives
    each epoch an order of its own all the same, and says so.

    Example:
        >>> import random, nbkeras
        >>> nbkeras.seed(7)
        >>> first = random.random()
        >>> nbkeras.seed(7)
        >>> random.random() == first
        True

    Args:
        value: the seed, from 0 to 4294967295.
        deterministic: let every operation of TensorFlow give the same bits each time, and ``tf.data`` the
            same order; it may be slower, and cannot be taken back in this process. Default False.

    Raises:
        Refusal: for a seed that is no whole number from 0 to 4294967295.
    """
    import numpy as np
    import tensorflow as tf

    number = checked_seed(value, option="seed")
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - the generator that users' np.random.rand draws from
    tf.random.set_seed(number)
    _seed_global_generator(number)
    for line in LINES:
        if line in sys.modules:
            sys.modules[line].utils.set_random_seed(number)
        elif line not in _seeded.awaited:
            from wrapt import register_post_import_hook

            _seeded.awaited += (line,)
            register_post_import_hook(_seed_late, line)
    _seeded.seed = number


def current_seed() -> int | None:
    """Return what `seed` was given last in this process, None before."""
    return _seeded.seed


def next_order() -> int:
    """Draw the seed of the next order of arrays.

    It comes from Python's generator, as Keras's own default seeds do: whoever seeds it again gets the same.
    """
    return random.randint(1, 10**9)  # noqa: S311 - nothing secret


def is_deterministic() -> bool:
    """Tell whether TensorFlow's operations are deterministic in this process."""
    config: Any = sys.modules.get("tensorflow.python.framework.config")
    # No public name tells it.
    return config is not None and bool(config.is_op_determinism_enabled())


def checked_seed(value: object, *, option: str) -> int:
    """Return a seed as a number.

    Raises:
        Refusal: when it is no whole number from 0 to 4294967295.
    """
    try:
        number = -1 if isinstance(value, bool) or not isinstance(value, (str, Integral)) else int(value)
    except ValueError:
        number = -1
    if not 0 <= number <= LARGEST:
        text = f"{option}: expected a whole number from 0 to {LARGEST}, received {value!r}: give  7"
        raise Refusal(text)
    return number


def _seed_global_generator(number: int) -> None:
    import tensorflow as tf

    try:
        generator = tf.random.get_global_generator()
    except RuntimeError:
        # Under determinism there is none before one is set.
        tf.random.set_global_generator(tf.random.Generator.from_seed(number))
    else:
        # The same object: functions that were traced with it go on using it.
        generator.reset_from_seed(number)


def _seed_late(module: ModuleType) -> None:
    """Seed a Keras line that is imported after `seed`."""
    if _seeded.seed is None:
        return
    import numpy as np

    # Its own seeds alone are missing, and what was drawn since is not drawn again.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - see above
    module.utils.set_random_seed(_seeded.seed)
    random.setstate(python)
    np.random.set_state(numpy)  # noqa: NPY002 - see above
