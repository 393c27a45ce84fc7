"""Cheap probes of the machine: never the first to load TensorFlow."""

from __future__ import annotations

import functools
import platform
import sys
from typing import Any


def process_memory() -> int | None:
    """Return the resident memory of this process in bytes, None where it cannot be told."""
    process = _psutil_process()
    return int(process.memory_info().rss) if process is not None else None


def gpu_memory() -> int | None:
    """Return the bytes that TensorFlow holds on all GPUs, None without a GPU."""
    tensorflow = sys.modules.get("tensorflow")
    gpus = _gpus()
    if tensorflow is None or not gpus:
        return None
    memory = 0
    for name in gpus:
        memory += int(tensorflow.config.experimental.get_memory_info(name)["current"])
    return memory


def environment() -> dict[str, Any]:
    """Return what a run's record says about where it ran: versions and machine."""
    versions = {
        name: str(sys.modules[name].__version__)
        for name in ("tensorflow", "keras", "tf_keras", "numpy")
        if hasattr(sys.modules.get(name), "__version__")
    }
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "devices": ", ".join(_gpus()) or "CPU",
        **versions,
    }


def _gpus() -> tuple[str, ...]:
    tensorflow = sys.modules.get("tensorflow")
    return () if tensorflow is None else _gpus_of(tensorflow)


@functools.lru_cache(maxsize=1)
def _gpus_of(tensorflow: Any) -> tuple[str, ...]:
    return tuple(f"GPU:{i}" for i, _ in enumerate(tensorflow.config.list_logical_devices("GPU")))


@functools.lru_cache(maxsize=1)
def _psutil_process() -> Any:
    try:
        import psutil
    except ModuleNotFoundError:
        return None
    return psutil.Process()
