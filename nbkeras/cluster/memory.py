"""How many processes of a cluster this machine has memory for."""

from __future__ import annotations

from pathlib import Path

from nbkeras.runtime.memory import format_bytes, free_memory, parse_bytes
from nbkeras.runtime.refusal import Refusal

# What a worker takes when it has trained a small model (measured in docs/cluster.md), with some room.
EACH = 800 * 2**20


def refuse_too_many(
    workers: int, others: int = 0, max_memory: str | int | None = None, *, root: Path = Path("/")
) -> None:
    """Refuse workers that this machine has no memory for: it would stand still, or end some program.

    Args:
        workers: how many are asked for.
        others: processes beside them: a coordinator and parameter servers. Default 0.
        max_memory: what they may take, in bytes or as text such as ``"16GB"``. Default None: what is free.
        root: where the files of Linux are.

    Raises:
        Refusal: for too many; where the free memory can't be told, for none.
    """
    if max_memory is None:
        free, source = free_memory(root), "is free here"
    else:
        free, source = parse_bytes(max_memory, option="--max-memory"), "is what --max-memory allows"
    needed = (workers + others) * EACH
    if free is None or needed <= free:
        return
    most = free // EACH - others
    expected = f"{most} or fewer" if most > 0 else "another machine"
    mend = f"type  --workers {most}" if most > 0 else "end other programs"
    raise Refusal(
        f"--workers: expected {expected}, because each process takes about {format_bytes(EACH)} and "
        f"{format_bytes(free)} {source}, received {workers}: {mend}, or give  --max-memory "
        f"{-(-needed // 2**30)}GB"
    )
