"""Collects what speaks for why TensorFlow does not see a GPU."""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.devices.unseen import Evidence

if TYPE_CHECKING:
    from nbkeras.devices.nvidia import Nvidia
    from nbkeras.devices.tensorflow_build import Build

_VARIABLES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
_SYSTEM_FOLDERS = ("/usr/lib", "/usr/lib64", "/lib", "/usr/local/lib", "/usr/local/cuda/lib64")


def evidence_of(machine: Nvidia, build: Build, module: Any, root: Path = Path("/")) -> Evidence:
    """Look at everything that may keep TensorFlow from a GPU.

    Args:
        machine: the GPUs and the driver.
        build: TensorFlow's build.
        module: TensorFlow, imported; None where it is not installed.
        root: where the system's files are.
    """
    # Windows Subsystem for Linux has one file for all GPUs.
    has_wsl_file = (root / "dev/dxg").exists()
    files = None if has_wsl_file or sys.platform == "win32" else _device_files(root)
    physical = [] if module is None else module.config.list_physical_devices("GPU")
    return Evidence(
        machine=machine,
        build=build,
        platform=sys.platform,
        in_container=any((root / name).exists() for name in (".dockerenv", "run/.containerenv"))
        or "KUBERNETES_SERVICE_HOST" in os.environ,
        device_files=files,
        closed_files=tuple(each for each in files or () if not os.access(each, os.R_OK | os.W_OK)),
        variables={name: os.environ[name] for name in _VARIABLES if name in os.environ},
        missing=missing_libraries(build) if sys.platform == "linux" else (),
        answer=_cu_init() if build.cuda and not physical else None,
    )


def missing_libraries(build: Build) -> tuple[str, ...]:
    """Name the libraries of CUDA that a build needs and that neither pip's packages nor the system have."""
    if not build.cuda:
        return ()
    major = build.cuda.partition(".")[0]
    needed = [f"libcudart.so.{major}", f"libcublas.so.{major}"]
    if build.cudnn:
        needed.append(f"libcudnn.so.{build.cudnn.partition('.')[0]}")
    folders = [Path(each) for each in os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep) if each]
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    folders += [Path(each) / part for each in _SYSTEM_FOLDERS for part in ("", multiarch)]
    # The packages nvidia-…-cu12 lie beside TensorFlow, which looks for them there.
    packages = Path(sysconfig.get_path("purelib"), "nvidia")
    known = {path.name for path in packages.glob("*/lib/lib*.so.*")}
    return tuple(
        name
        for name in needed
        if name not in known and not any((folder / name).exists() for folder in folders)
    )


def _device_files(root: Path) -> tuple[str, ...]:
    return tuple(sorted(str(path) for path in (root / "dev").glob("nvidia*") if not path.is_dir()))


def _cu_init() -> int | None:
    """Ask CUDA itself; TensorFlow has asked it before, so that nothing begins by it."""
    try:
        library = ctypes.CDLL("libcuda.so.1" if sys.platform != "win32" else "nvcuda.dll")
        return int(library.cuInit(0))
    except (OSError, AttributeError):
        return None
