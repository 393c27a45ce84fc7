"""Which GPUs each process of a cluster on this machine has for itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from nbkeras.devices.nvidia import nvidia
from nbkeras.devices.visible import visible_gpus

if TYPE_CHECKING:
    from collections.abc import Sequence

VARIABLE = "CUDA_VISIBLE_DEVICES"
_NONE = "-1"


def own_gpus() -> list[str]:
    """Return the GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    value = os.environ.get(VARIABLE)
    count = len(visible_gpus(value, nvidia().gpus))
    # The first word that means no GPU ends CUDA's list.
    words = [str(number) for number in range(count)] if value is None else value.split(",")
    return [word.strip() for word in words[:count]]


def shared_gpus(gpus: Sequence[str], roles: Sequence[str]) -> tuple[list[dict[str, str]], str]:
    """Return what is added to the environment of each process, and a line for the user, which may be empty.

    Workers get equal shares; coordinators and parameter servers compute nothing and get none. Two processes
    on one GPU would each reserve all of its memory, so with fewer GPUs than workers nobody gets one. Where no
    GPU is known the workers keep what they have: parts of a GPU (MIG) are not counted here.

    Example:
        >>> added, line = shared_gpus(["0", "1", "2", "3"], ["coordinator", "worker", "worker"])
        >>> [each["CUDA_VISIBLE_DEVICES"] for each in added], line
        (['-1', '0,1', '2,3'], '')
        >>> shared_gpus(["0"], ["worker", "worker"])[1]
        '1 GPU for 2 workers: they train on the CPU; one for each:  %cluster start --workers 1'

    Args:
        gpus: what they are called, as by `own_gpus`.
        roles: what each process is: ``worker``, ``coordinator`` or ``parameter server``.
    """
    workers = sum(role == "worker" for role in roles)
    share, left = divmod(len(gpus), workers)
    shares = iter([gpus[start : start + share] for start in range(0, share * workers, share or 1)])
    added: list[dict[str, str]] = []
    for role in roles:
        if role == "worker" and not gpus:
            added.append({})
        else:
            names = next(shares) if role == "worker" and share else ()
            added.append({VARIABLE: ",".join(names) or _NONE})
    have = f"{len(gpus)} GPU{'s' * (len(gpus) != 1)} for {workers} workers"
    if gpus and not share:
        return added, f"{have}: they train on the CPU; one for each:  %cluster start --workers {len(gpus)}"
    if left:
        return added, f"{have}: each has {share}, and {left} {'is' if left == 1 else 'are'} left over"
    return added, ""
