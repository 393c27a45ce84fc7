"""The order of a ``fit``'s arrays, the same on all workers: each of them then trains on what is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.checks.seeded_by_hand import global_seed
from nbkeras.training.seeded import feed_in_order

if TYPE_CHECKING:
    from nbkeras.training.calls import Call

_BY = "%%cluster"


def common_order(call: Call, seed: int) -> list[str]:
    """Give arrays that Keras would shuffle an order that all workers have; return what is said.

    Each worker takes its share of the batches by their place. Where each shuffles for itself, some
    samples come several times in an epoch and others not at all.

    Args:
        call: a call; its arrays are replaced.
        seed: what the orders follow from, the same on all workers.
    """
    if call.kind != "fit" or global_seed() is not None:
        # After a seed by hand Keras shuffles alike on all of them.
        return []
    said = feed_in_order(call, seed, by=_BY)
    if said is None:
        return []
    if said.startswith("arrays"):
        return [f"arrays in an order of their own each epoch, the same on all workers, by {_BY}"]
    return [f"{said}, on each worker in another order: type  --seed 1  for one"]
