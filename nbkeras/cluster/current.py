"""The cluster of this notebook."""

from __future__ import annotations

import atexit
import os
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.cluster.cluster import Cluster

_current: Cluster | None = None
_owner = os.getpid()


def current() -> Cluster | None:
    """Return the notebook's cluster, None before the first and after the last."""
    # A process that was forked off has no cluster: it is its parent's.
    return _current if os.getpid() == _owner else None


def needed(*, running: bool = False) -> Cluster:
    """Return the notebook's cluster.

    Args:
        running: whether its workers must be able to take a request. Default False: they may have ended.

    Raises:
        Refusal: when there is none.
    """
    cluster = current()
    if cluster is None:
        raise Refusal("expected a cluster, received none: type  %cluster start --workers 2")
    if running:
        cluster.look()
        if not cluster.runs:
            text = f"expected workers, received ended ones ({cluster.broken})"
            raise Refusal(f"{text}: run a %%cluster cell or  %cluster restart")
    return cluster


def set_current(cluster: Cluster | None) -> None:
    """Make a cluster the notebook's; the one before is stopped."""
    global _current  # noqa: PLW0603 - a notebook has one
    if _current is not None and _current is not cluster and os.getpid() == _owner:
        _current.stop()
    _current = cluster


# Workers end by themselves when the kernel is gone; their folder goes only here.
atexit.register(set_current, None)
