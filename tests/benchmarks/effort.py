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
    cluster_pairs: int
    epoch_steps: int
    rate_seconds: float
    peer_seconds: float
    steps: int
    openings: int
    seeds: int
    kernels: bool
    """Whether each part gets a kernel of its own."""


FULL = Effort(
    loads=15,
    calls=20,
    ticks=300,
    pairs=30,
    cluster_pairs=90,
    epoch_steps=400,
    rate_seconds=30,
    peer_seconds=30,
    steps=1_000_000,
    openings=5,
    seeds=8,
    kernels=True,
)
QUICK = Effort(
    loads=2,
    calls=3,
    ticks=10,
    pairs=2,
    cluster_pairs=2,
    epoch_steps=20,
    rate_seconds=1,
    peer_seconds=1,
    steps=5_000,
    openings=1,
    seeds=1,
    kernels=False,
)
