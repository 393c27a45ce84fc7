"""The strategy that the notebook trains with: one place for all that set or ask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Current:
    """A ``tf.distribute`` strategy, and how it is called in words such as ``TPU local, 8 replicas``."""

    strategy: Any
    words: str


_current: Current | None = None
_cells_go_to_cluster = False


def current() -> Current | None:
    """Return the notebook's strategy, None where none was chosen."""
    return _current


def set_current(strategy: Any, words: str = "") -> None:
    """Make a strategy the notebook's own; None takes it away.

    Args:
        strategy: a ``tf.distribute.Strategy``.
        words: what the notebook is told that it is.
    """
    global _current, _cells_go_to_cluster  # noqa: PLW0603 - one notebook, one strategy
    _current = None if strategy is None else Current(strategy, words)
    _cells_go_to_cluster = False


def cells_go_to_cluster() -> bool:
    """Tell whether whole cells under ``%%fit`` run on the workers of the cluster."""
    return _cells_go_to_cluster


def send_cells_to_cluster() -> None:
    """Let whole cells under ``%%fit`` run on the workers; `set_current` takes it back."""
    global _cells_go_to_cluster  # noqa: PLW0603 - one notebook, one strategy
    set_current(None)
    _cells_go_to_cluster = True
