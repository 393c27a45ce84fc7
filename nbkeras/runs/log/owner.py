"""Which process a run belongs to, and whether that process is still there."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

STALE = 60.0
"""Seconds without a heartbeat after which a process of another machine counts as ended."""

_GONE = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, told from any other one, later ones with its number included.

    Attributes:
        host: The machine, and on Linux the container's set of processes.
        pid: The number of the process.
        started: When it began, in the system's own words; "" when unknown.

    """

    host: str
    pid: int
    started: str


def this_process() -> Owner:
    """Name this process."""
    pid = os.getpid()
    return Owner(_host(), pid, _started(pid) or "")


def is_alive(owner: Owner, heartbeat: float) -> bool:
    """Tell whether a process is still there.

    Args:
        owner: The process.
        heartbeat: When it last wrote, in seconds since 1970. It decides where
            the process cannot be looked up: on another machine, or in another
            container.

    """
    started = _started(owner.pid) if owner.host == _host() and owner.started else None
    if started is None:
        return time.time() - heartbeat < STALE
    return started == owner.started


@lru_cache(maxsize=1)
def _host() -> str:
    try:
        # Containers may share a host name, and number their processes each for itself.
        return f"{platform.node()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _started(pid: int) -> str | None:
    """Say when a process began: "" when there is no such process, None when nobody knows."""
    if Path("/proc/self/stat").exists():
        return _from_proc(pid)
    return _from_ps(pid)


def _from_proc(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _GONE
    # The name in parentheses may hold anything, so count from its end: the state is the third
    # field of proc(5), the start time, in clock ticks since boot, the 22nd.
    fields = stat[stat.rindex(")") + 2 :].split()
    return _GONE if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _from_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        done = subprocess.run(  # noqa: S603 - a number is all that varies
            command, capture_output=True, text=True, timeout=5, check=False, env=environment
        )
    except (OSError, subprocess.SubprocessError):
        return None
    state, _, started = done.stdout.strip().partition(" ")
    return _GONE if not state or state.startswith("Z") else started.strip()
