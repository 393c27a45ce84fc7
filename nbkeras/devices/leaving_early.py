"""Lets the iterators of a strategy be left before their end, where TensorFlow may crash."""

from __future__ import annotations

import sys
from typing import Any

from nbkeras.data.rewritten import rewritten

_NAME = "experimental_distribute_dataset"
# The devices of these take batches from one iterator.
_KINDS = ("MirroredStrategy", "MultiWorkerMirroredStrategy", "OneDeviceStrategy", "TPUStrategy")


def let_iterators_be_left(strategy: Any) -> None:
    """Let a strategy distribute only datasets that ``tf.data`` rewrites, from now on.

    It stays so: calls in several threads share a strategy, and results are the same bit for bit.

    Args:
        strategy: any; of one whose iterators can be left anyway nothing is changed.
    """
    distribute = sys.modules["tensorflow"].distribute
    kinds = tuple(getattr(distribute, name) for name in _KINDS)
    if not isinstance(strategy, kinds) or _NAME in vars(strategy):
        return
    plain = getattr(strategy, _NAME)
    setattr(strategy, _NAME, lambda dataset, options=None: plain(rewritten(dataset), options))
