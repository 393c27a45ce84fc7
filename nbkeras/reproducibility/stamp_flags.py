"""The quick part of the stamp: versions, machine, flags and seeds, read without loading anything."""

from __future__ import annotations

import functools
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

# What TensorFlow, its libraries and Keras read from the environment and results depend on.
VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "MKL_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_CUDNN_DETERMINISTIC",
    "TF_CUDNN_USE_AUTOTUNE",
    "TF_DETERMINISTIC_OPS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_USE_LEGACY_KERAS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)


def versions() -> dict[str, str]:
    """Return the versions of Python, nbkeras, and what of Keras and TensorFlow is loaded."""
    names = ("tensorflow", "keras", "tf_keras", "numpy")
    loaded = {name: str(getattr(sys.modules.get(name), "__version__", "")) for name in names}
    return {
        "python": platform.python_version(),
        "nbkeras": _own_version(),
        **{name: version for name, version in loaded.items() if version},
    }


def machine() -> dict[str, str]:
    """Return the platform, the processor, and the devices where TensorFlow has looked for them."""
    facts = {
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
    }
    tensorflow = _loaded("tensorflow")
    if tensorflow is not None:
        facts["devices"] = ", ".join(_devices(tensorflow))
    return facts


def flags() -> dict[str, str]:
    """Return the settings that change bits: determinism, XLA, threads, policy, environment."""
    facts = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    tensorflow = _loaded("tensorflow")
    if tensorflow is not None:
        facts |= {
            "op determinism": _determinism(),
            "oneDNN": {"0": "off", "1": "on"}.get(os.environ.get("TF_ENABLE_ONEDNN_OPTS", ""), "default"),
            "XLA": str(tensorflow.config.optimizer.get_jit() or "off"),
            "threads in an op": _threads(tensorflow.config.threading.get_intra_op_parallelism_threads()),
            "threads between ops": _threads(tensorflow.config.threading.get_inter_op_parallelism_threads()),
        }
    for line in ("keras", "tf_keras"):
        policies = getattr(_loaded(line), "mixed_precision", None)
        ask = getattr(policies, "dtype_policy", None) or getattr(policies, "global_policy", None)
        if ask is not None:
            facts[f"{line} dtype policy"] = str(ask().name)
    return facts


def seeds() -> dict[str, str]:
    """Return what is seeded, as far as a process can tell: Keras's own seed comes with TensorFlow's."""
    facts = {"PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", "random")}
    seed = tensorflow_seed()
    if _loaded("tensorflow") is not None:
        facts["tensorflow"] = "none" if seed is None else str(seed)
    return facts


def tensorflow_seed() -> int | None:
    """Return TensorFlow's global seed, None where none is set."""
    context = sys.modules.get("tensorflow.python.eager.context")
    seed = None if context is None else context.global_seed()
    return None if seed is None else int(seed)


def _loaded(name: str) -> Any:
    module = sys.modules.get(name)
    # While it is being imported, a module is there and has nothing yet.
    return module if hasattr(module, "__version__") else None


def _determinism() -> str:
    # There is a public name to turn it on, and none to ask.
    ask = getattr(sys.modules.get("tensorflow.python.framework.config"), "is_op_determinism_enabled", None)
    return "unknown" if ask is None else "on" if ask() else "off"


def _threads(count: int) -> str:
    return str(count or "as many as cores")


@functools.lru_cache(maxsize=1)
def _devices(tensorflow: Any) -> tuple[str, ...]:
    gpus = tensorflow.config.list_physical_devices("GPU")
    details = tensorflow.config.experimental.get_device_details
    names = [
        f"{gpu.name.rpartition('device:')[2]} {details(gpu).get('device_name', '')}".strip() for gpu in gpus
    ]
    return tuple(names) or ("CPU",)


@functools.lru_cache(maxsize=1)
def _processor() -> str:
    # The instructions of a processor decide in which order TensorFlow's kernels add.
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or "unknown"


@functools.lru_cache(maxsize=1)
def _own_version() -> str:
    try:
        return metadata.version("nbkeras")
    except metadata.PackageNotFoundError:
        return "not installed"
