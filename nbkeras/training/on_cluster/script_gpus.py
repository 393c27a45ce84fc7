"""The lines of a plain script by which the processes that it starts share the GPUs of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.cluster.gpus import VARIABLE, own_gpus, shared_gpus

if TYPE_CHECKING:
    from collections.abc import Sequence


def gpu_lines(roles: Sequence[str], number: str) -> dict[str, str]:
    """Return what fills the places ``gpus`` and ``own_gpus`` of a script; nothing where there is no GPU.

    Args:
        roles: what each process is, as `shared_gpus` has them.
        number: the expression of a process's number in the script.
    """
    names = own_gpus()
    if not names:
        return {"gpus": "", "own_gpus": ""}
    added, line = shared_gpus(names, roles)
    said = f"# {line.partition(';')[0]}.\n" if line else ""
    shown = [each[VARIABLE] for each in added]
    return {
        "gpus": f"{said}# Those of each process: two on one GPU would each reserve all of its memory.\n"
        f"GPUS = {shown!r}\n",
        "own_gpus": f', "{VARIABLE}": GPUS[{number}]',
    }
