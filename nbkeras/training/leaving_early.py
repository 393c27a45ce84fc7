"""Lets the iterators of a strategy be left before their end, where TensorFlow may crash."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.data.rewritten import rewritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbkeras.training.calls import Call


@contextmanager
def may_be_left(call: Call) -> Iterator[None]:
    """Let a call's strategy distribute only datasets that ``tf.data`` rewrites, inside of the ``with``.

    Args:
        call: any call; without a strategy nothing happens.
    """
    strategy = getattr(call.model, "distribute_strategy", None)
    if strategy is None or not _has_iterators(strategy):
        yield
        return
    distribute = strategy.experimental_distribute_dataset
    before = vars(strategy).get("experimental_distribute_dataset")
    strategy.experimental_distribute_dataset = lambda dataset, options=None: distribute(
        rewritten(dataset), options
    )
    try:
        yield
    finally:
        if before is None:
            del strategy.experimental_distribute_dataset
        else:
            strategy.experimental_distribute_dataset = before


def _has_iterators(strategy: Any) -> bool:
    """Tell whether the devices of a strategy take batches from one iterator."""
    distribute = sys.modules["tensorflow"].distribute
    kinds = ("MirroredStrategy", "MultiWorkerMirroredStrategy", "OneDeviceStrategy", "TPUStrategy")
    return isinstance(strategy, tuple(getattr(distribute, name) for name in kinds))
