"""The GPUs of NVIDIA that this machine has, whatever TensorFlow makes of them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_VENDOR, _DISPLAY = "0x10de", "0x03"
_THOUSAND, _TEN = 1000, 10


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: what the driver says of it, or less where there is no driver to ask."""

    name: str
    bus: str = ""
    uuid: str = ""
    compute_capability: tuple[int, int] | None = None
    memory: int | None = None
    used: int | None = None
    free: int | None = None


@dataclass(frozen=True, slots=True)
class Nvidia:
    """What this machine has of NVIDIA.

    Attributes:
        gpus: in the order of the bus.
        known_by: who named them: ``"driver"``, ``"/proc"`` or ``"PCI bus"``.
        driver: the driver's version, empty where none is loaded.
        cuda: the newest CUDA that the driver is for, such as ``(12, 4)``.
        error: why nvidia-ml-py could not ask the driver.
        asks: whether nvidia-ml-py is installed.
    """

    gpus: tuple[Gpu, ...] = ()
    known_by: str = ""
    driver: str = ""
    cuda: tuple[int, int] | None = None
    error: str = ""
    asks: bool = True


def nvidia(root: Path = Path("/")) -> Nvidia:
    """Look for GPUs by the driver (nvidia-ml-py), then in /proc, then on the PCI bus.

    Args:
        root: where the system's files are.
    """
    library = _library()
    error = ""
    if library is not None:
        try:
            return _of_driver(library)
        except library.NVMLError as failure:
            error = str(failure)
    found, known_by = _of_proc(root), "/proc"
    if not found:
        found, known_by = _of_bus(root), "PCI bus"
    return Nvidia(found, known_by if found else "", _version(root), None, error, library is not None)


def _library() -> Any:
    with warnings.catch_warnings():
        # The package "pynvml", which some machines have in its place, warns of its own name.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            import pynvml
        except ImportError:
            return None
    return pynvml


def _of_driver(library: Any) -> Nvidia:
    library.nvmlInit()
    try:
        count = library.nvmlDeviceGetCount()
        gpus = tuple(_gpu(library, library.nvmlDeviceGetHandleByIndex(index)) for index in range(count))
        cuda = _asked(library, library.nvmlSystemGetCudaDriverVersion)
        version = None if cuda is None else (cuda // _THOUSAND, cuda % _THOUSAND // _TEN)
        driver = _text(_asked(library, library.nvmlSystemGetDriverVersion))
        return Nvidia(gpus, "driver" if gpus else "", driver, version)
    finally:
        library.nvmlShutdown()


def _gpu(library: Any, handle: Any) -> Gpu:
    # Parts of a GPU (MIG) and GPUs that share the machine's memory do not answer every question.
    memory = _asked(library, library.nvmlDeviceGetMemoryInfo, handle)
    capability = _asked(library, library.nvmlDeviceGetCudaComputeCapability, handle)
    place = _asked(library, library.nvmlDeviceGetPciInfo, handle)
    return Gpu(
        name=_text(_asked(library, library.nvmlDeviceGetName, handle)) or "NVIDIA GPU",
        bus=_text(getattr(place, "busId", "")),
        uuid=_text(_asked(library, library.nvmlDeviceGetUUID, handle)),
        compute_capability=None if capability is None else (int(capability[0]), int(capability[1])),
        memory=None if memory is None else int(memory.total),
        used=None if memory is None else int(memory.used),
        free=None if memory is None else int(memory.free),
    )


def _asked(library: Any, question: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return question(*arguments)
    except library.NVMLError:
        return None


def _text(value: Any) -> str:
    # Releases before nvidia-ml-py 11.515 answer in bytes.
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _version(root: Path) -> str:
    """Return the loaded driver's version by /proc, where nvidia-ml-py is missing."""
    words = _read(root / "proc/driver/nvidia/version").split()
    numbers = (word for word in words if word[:1].isdigit() and "." in word)
    return next(numbers, "")


def _of_proc(root: Path) -> tuple[Gpu, ...]:
    gpus = []
    for path in sorted((root / "proc/driver/nvidia/gpus").glob("*/information")):
        lines = (line.partition(":") for line in _read(path).splitlines())
        values = {name.strip(): value.strip() for name, _, value in lines}
        uuid = values.get("GPU UUID", "")
        gpus.append(Gpu(values.get("Model") or "NVIDIA GPU", path.parent.name, uuid))
    return tuple(gpus)


def _of_bus(root: Path) -> tuple[Gpu, ...]:
    """Return what the PCI bus has of NVIDIA for graphics or computing: no sound, no bridges."""
    gpus = []
    for path in sorted((root / "sys/bus/pci/devices").glob("*")):
        if _read(path / "vendor") == _VENDOR and _read(path / "class").startswith(_DISPLAY):
            number = _read(path / "device").removeprefix("0x")
            gpus.append(Gpu(f"NVIDIA GPU (PCI 10de:{number})", path.name))
    return tuple(gpus)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
