"""The TPU that the notebook is connected to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbkeras.devices.tpu.targets import Target


@dataclass(frozen=True, slots=True)
class Connected:
    """A TPU, or what was taken in its place: where it is, its strategy, and its name in words."""

    target: Target
    strategy: Any
    words: str


_connected: Connected | None = None


def connected() -> Connected | None:
    """Return the TPU that this notebook is connected to, None where there is none."""
    return _connected


def keep(made: Connected) -> None:
    """Note that the notebook is connected, from now until the kernel restarts."""
    global _connected  # noqa: PLW0603 - one notebook, one TPU
    _connected = made
