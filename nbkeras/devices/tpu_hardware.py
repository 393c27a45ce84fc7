"""TPUs that are built into this machine, by cheap looks that load nothing."""

from __future__ import annotations

import importlib.util
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nbkeras.devices.tensorflow_build import package_version

_GOOGLE = "0x1ae0"
# Its devices that are TPUs, by JAX's jax/_src/hardware_utils.py; the others are network cards and disks.
_MODELS = {
    "0x0027": "TPU v2 or v3",
    "0x0056": "TPU",
    "0x005e": "TPU v4",
    "0x0062": "TPU v5p",
    "0x0063": "TPU v5e",
    "0x006f": "TPU v6e",
    "0x0076": "TPU7x",
}
_VARIABLES = (
    "TPU_ACCELERATOR_TYPE",
    "TPU_WORKER_HOSTNAMES",
    "TPU_CHIPS_PER_HOST_BOUNDS",
    "TPU_SKIP_MDS_QUERY",
)


@dataclass(frozen=True, slots=True)
class TpuHardware:
    """What speaks for a TPU in this machine.

    Attributes:
        chips: how many there are on the PCI bus, by model.
        files: /dev/accel* and /dev/vfio/*; other makers' devices have such files, too.
        variables: what Cloud TPU VMs, Colab and Kaggle set in the environment.
        libtpu: the version of the package libtpu, ``"?"`` without a package, empty without the library.
    """

    chips: dict[str, int]
    files: tuple[str, ...]
    variables: dict[str, str]
    libtpu: str

    @property
    def is_certain(self) -> bool:
        """Whether there is a TPU: the PCI bus names it."""
        return bool(self.chips)

    @property
    def is_likely(self) -> bool:
        """Whether there may be one: a device's file, and the library or the environment of a TPU."""
        return self.is_certain or bool(self.files and (self.libtpu or self.variables))


def tpu_hardware(root: Path = Path("/")) -> TpuHardware:
    """Look for a TPU in this machine.

    Args:
        root: where the system's files are.
    """
    chips = Counter(
        _MODELS[device]
        for path in sorted((root / "sys/bus/pci/devices").glob("*"))
        if _read(path / "vendor") == _GOOGLE and (device := _read(path / "device")) in _MODELS
    )
    files = [*(root / "dev").glob("accel[0-9]*"), *(root / "dev/accel").glob("accel[0-9]*")]
    files += (root / "dev/vfio").glob("[0-9]*")
    return TpuHardware(
        dict(chips),
        tuple(sorted(f"/{path.relative_to(root)}" for path in files)),
        {name: os.environ[name] for name in _VARIABLES if os.environ.get(name)},
        _libtpu(),
    )


def _libtpu() -> str:
    version = package_version("libtpu") or package_version("libtpu-nightly")
    if version:
        return version
    there = os.environ.get("TPU_LIBRARY_PATH") or importlib.util.find_spec("libtpu") is not None
    return "?" if there else ""


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
