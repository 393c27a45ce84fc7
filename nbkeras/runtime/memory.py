"""How much main memory is free, and how much a process takes: what Linux says of it."""

from __future__ import annotations

import re
from pathlib import Path

from nbkeras.runtime.refusal import Refusal

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)


def free_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes that a new process could take, None where it can't be told.

    A container may be allowed less than the machine has.

    Args:
        root: where the files of Linux are.
    """
    found = re.search(r"MemAvailable:\s+(\d+) kB", _read(root / "proc/meminfo"))
    if found is None:
        return None
    group = root / "sys/fs/cgroup"
    most, taken = _read(group / "memory.max").strip(), _read(group / "memory.current").strip()
    # What a group has read from files counts as taken, and is given back when memory is wanted.
    cached = re.search(r"^inactive_file (\d+)$", _read(group / "memory.stat"), re.MULTILINE)
    free = int(found[1]) * 1024
    if not most.isdigit() or not taken.isdigit():
        return free
    return max(0, min(free, int(most) - int(taken) + (int(cached[1]) if cached else 0)))


def resident_memory(process: int) -> int | None:
    """Return the bytes of main memory that a process takes, None where it can't be told."""
    found = re.search(r"VmRSS:\s+(\d+) kB", _read(Path(f"/proc/{process}/status")))
    return None if found is None else int(found[1]) * 1024


def parse_bytes(value: str | int, *, option: str) -> int:
    """Return an amount of memory in bytes.

    Example:
        >>> parse_bytes("1.5GB", option="max_memory") == 3 * 2**29
        True

    Args:
        value: bytes as a number, or text such as ``"800MB"`` or ``"4G"``, in steps of 1024.
        option: the option's name, for the refusal.

    Raises:
        Refusal: for what is no amount above nothing.
    """
    found = _TEXT.fullmatch(str(value).strip())
    size = 0 if found is None or isinstance(value, bool) else int(float(found[1]) * _UNITS[found[2].upper()])
    if size <= 0:
        raise Refusal(
            f"{option}: expected memory such as 800MB or 4GB, received {value!r}: type  {option} 4GB"
        )
    return size


def format_bytes(size: float) -> str:
    """Return an amount of memory as short text.

    Example:
        >>> format_bytes(3 * 2**29), format_bytes(800 * 2**20)
        ('1.5 GB', '800 MB')
    """
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{size / 2**20:.0f} MB"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
