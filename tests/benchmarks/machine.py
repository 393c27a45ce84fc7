"""Where the figures were measured: they mean little without it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "tensorflow",
    "keras",
    "ipykernel",
    "anywidget",
    "jupyterlab",
    "livelossplot",
    "tqdm",
    "trainplot",
)


def facts() -> list[str]:
    """Return lines about the machine and the versions of what was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return [
        f"{cores} cores ({_processor()}), load average at the start {load}",
        ", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in PACKAGES)]
        ),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _version(name: str) -> str:
    # The wheel for the CPU alone has a name of its own.
    for each in (name, f"{name}-cpu"):
        try:
            return version(each)
        except PackageNotFoundError:  # noqa: PERF203 - two turns at most
            continue
    return "not installed"
