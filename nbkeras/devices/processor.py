"""The processor and the memory of this machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from nbkeras.devices.facts import Device
from nbkeras.devices.precision import cpu_instructions, of_cpu

_KIB = 1024


def processor(seen_as: tuple[str, ...], root: Path = Path("/")) -> Device:
    """Return the CPU: all cores that this process may use are one device.

    Args:
        seen_as: TensorFlow's names of it, several with logical devices.
        root: where the system's files are.
    """
    precision = of_cpu(cpu_instructions(root))
    memory, free = _memory(root)
    cores = _cores()
    return Device(
        "CPU",
        f"{_name(root)}, {cores} core{'s' * (cores != 1)}",
        seen_as=seen_as,
        good_at=precision.good_at,
        policy=precision.policy,
        source=precision.source,
        memory=memory,
        used=None if memory is None or free is None else memory - free,
        free=free,
    )


def _cores() -> int:
    # A container or a cluster's scheduler may give a process less than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _name(root: Path) -> str:
    try:
        lines = (root / "proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine() or "processor"


def _memory(root: Path) -> tuple[int | None, int | None]:
    """Return the bytes of memory in all and those that a program can still have."""
    try:
        lines = (root / "proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return _memory_of_psutil()
    values = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    total, free = (
        int(values[name][0]) * _KIB if values.get(name) else None for name in ("MemTotal", "MemAvailable")
    )
    return total, free


def _memory_of_psutil() -> tuple[int | None, int | None]:
    try:
        import psutil
    except ModuleNotFoundError:
        return None, None
    memory = psutil.virtual_memory()
    return int(memory.total), int(memory.available)
