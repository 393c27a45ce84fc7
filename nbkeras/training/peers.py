"""What a cell on a cluster's workers can't do: decide by a clock, or by chance, for themselves."""

from __future__ import annotations

from nbkeras.runtime.refusal import Refusal
from nbkeras.training.arming import armed_last
from nbkeras.training.session import Session


def has_peers() -> bool:
    """Tell whether other processes run the same cell, and wait for this one in each step."""
    outer = armed_last()
    return isinstance(outer, Session) and outer.has_peers


def refuse_beside_peers(name: str, what: str, why: str) -> None:
    """Refuse what would go another way on each worker.

    Args:
        name: what the user has called.
        what: what it does alone, as in ``"searches"``.
        why: what each worker would do.

    Raises:
        Refusal: in a cell that runs on several workers.
    """
    if has_peers():
        raise Refusal(
            f"{name}: expected a process that {what} alone, received a cell that runs on all workers, each "
            f"of which would {why}: call it in a cell without  %%cluster"
        )
