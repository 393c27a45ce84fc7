"""How much is measured: for figures, or only to see that the benchmarks still run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """How often, how long and how many."""

    loads: int
    calls: int
    ticks: int
    pairs: int
    rate_seconds: float
    peer_seconds: float
    steps: int
    openings: int


FULL = Effort(
    loads=15,
    calls=20,
    ticks=300,
    pairs=30,
    rate_seconds=30,
    peer_seconds=30,
    steps=1_000_000,
    openings=5,
)
QUICK = Effort(
    loads=2,
    calls=3,
    ticks=10,
    pairs=2,
    rate_seconds=2.5,
    peer_seconds=0,
    steps=5_000,
    openings=1,
)
