"""``MirroredStrategy``, of which one process may have several, each over other devices."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

# Far more groups than a strategy joins: one for each set of devices that reduces something.
_GROUPS = 100_000
_numbers = count(1)


def mirrored_strategy(devices: Sequence[str]) -> Any:
    """Return a strategy over some devices of this process.

    Every ``MirroredStrategy`` numbers its groups of devices from 1 on, and TensorFlow 2.21 holds the group of
    a number for the whole process: to train under a second one over other devices aborts all collectives
    until a restart ("is joining a group with size4, but that group has size 2"). Those that are returned
    begin elsewhere, each at a place of its own, as in TensorFlow's own tests; so one that the user makes
    beside them keeps its groups, too. They are TensorFlow's own in all else.

    Args:
        devices: TensorFlow's names of devices that are there, such as ``"CPU:0"``.
    """
    import tensorflow as tf

    class MirroredStrategy(tf.distribute.MirroredStrategy):  # type: ignore[misc]
        """TensorFlow's, with groups of its own."""

        _collective_key_base = _GROUPS * next(_numbers)

    return MirroredStrategy(list(devices))
