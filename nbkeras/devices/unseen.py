"""Why TensorFlow does not see a GPU that the machine has: each reason with what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbkeras.devices.nvidia import Nvidia
from nbkeras.devices.tensorflow_build import Build

if TYPE_CHECKING:
    from nbkeras.devices.nvidia import Gpu

_INSTALL = "%pip install 'tensorflow[and-cuda]'"
_RESTART = "restart the kernel"
# NVIDIA's table "Minor version compatibility", by the major version of CUDA: the oldest driver.
_OLDEST_DRIVER = {11: 450, 12: 525, 13: 580}
# What CUDA's cuInit answers (CUDA driver API, CUresult), where the answer tells more than its name.
_ANSWERS = {
    100: "CUDA finds no GPU that it may use",
    304: "the operating system refused: the files /dev/nvidia* may not be opened",
    802: "the GPUs are not ready: on machines with NVSwitch the service nvidia-fabricmanager must run",
    803: "the driver in the kernel and CUDA's library are of different versions: restart the machine",
    804: "CUDA's compatibility package does not work with this GPU: remove it from LD_LIBRARY_PATH",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that speaks for one reason or another.

    Attributes:
        machine: the GPUs and the driver.
        build: TensorFlow's build.
        platform: ``sys.platform``.
        in_container: whether this process runs in a container.
        device_files: which of /dev/nvidia* there are; None where the system has no such files.
        closed_files: which of them this user may not open.
        variables: CUDA_VISIBLE_DEVICES and NVIDIA_VISIBLE_DEVICES, where set.
        missing: the libraries of CUDA that are not found.
        answer: what CUDA's own cuInit answers in this process, None where it was not asked.
    """

    machine: Nvidia = field(default_factory=Nvidia)
    build: Build = field(default_factory=Build)
    platform: str = "linux"
    in_container: bool = False
    device_files: tuple[str, ...] | None = None
    closed_files: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    answer: int | None = None


def hidden() -> str:
    """Return why a GPU is not seen that TensorFlow knows of."""
    return f"tf.config.set_visible_devices hides it: {_RESTART}, and leave that call out"


def why_not(gpu: Gpu, evidence: Evidence, *, visible: bool) -> str:
    """Return in one line why TensorFlow does not see a GPU, and what to do.

    Args:
        gpu: the one that it does not see.
        evidence: what is known.
        visible: whether CUDA_VISIBLE_DEVICES leaves this GPU to this process.
    """
    reasons = (
        _of_build(evidence),
        _of_driver(evidence),
        _of_files(evidence),
        "" if visible else _of_variable(evidence),
        _of_libraries(evidence),
        _of_capability(gpu, evidence),
        _of_answer(evidence),
    )
    last = (
        "nothing speaks against it, so TensorFlow must have looked for GPUs before this one could be used: "
        f"{_RESTART}"
    )
    return next(filter(None, reasons), last)


def _of_build(evidence: Evidence) -> str:
    build = evidence.build
    if not build.version:
        return f"TensorFlow is not installed: type  {_INSTALL}"
    if evidence.platform == "win32":
        return "on Windows TensorFlow uses no GPU since its release 2.11: install it in WSL2"
    if build.cuda:
        return ""
    package = " and ".join(build.distributions) or f"TensorFlow {build.version}"
    others = " ".join(each.split()[0] for each in build.distributions if not each.startswith("tensorflow "))
    first = f"%pip uninstall -y {others}  and  " if others else ""
    return f"{package} is built without CUDA: type  {first}{_INSTALL}  and {_RESTART}"


def _of_driver(evidence: Evidence) -> str:
    machine = evidence.machine
    if "mismatch" in machine.error.lower():
        return "the driver in the kernel and its library are of different versions: restart the machine"
    if not machine.driver:
        if evidence.in_container:
            return (
                "NVIDIA's driver is not in this container: start it with  --gpus all  "
                "(NVIDIA Container Toolkit)"
            )
        return "NVIDIA's driver is not installed or not loaded: install it, then restart the machine"
    major = evidence.build.cuda.partition(".")[0]
    oldest = _OLDEST_DRIVER.get(int(major)) if major.isdigit() else None
    if oldest is not None and int(machine.driver.partition(".")[0] or oldest) < oldest:
        return (
            f"the driver {machine.driver} is too old for CUDA {evidence.build.cuda}, with which TensorFlow "
            f"{evidence.build.version} was built: install driver {oldest} or newer"
        )
    return ""


def _of_files(evidence: Evidence) -> str:
    if evidence.variables.get("NVIDIA_VISIBLE_DEVICES") in {"void", "none", ""}:
        return (
            "this container was started without GPUs (NVIDIA_VISIBLE_DEVICES="
            f"{evidence.variables['NVIDIA_VISIBLE_DEVICES']}): start it with  --gpus all"
        )
    if evidence.device_files == ():
        if evidence.in_container:
            return "this container has none of the files /dev/nvidia*: start it with  --gpus all"
        return "there are no files /dev/nvidia*: as root, type  nvidia-modprobe -u -c 0"
    if evidence.closed_files:
        closed = ", ".join(evidence.closed_files)
        return f"this user may not open {closed}: ask for the right to (often the group video)"
    return ""


def _of_variable(evidence: Evidence) -> str:
    value = evidence.variables.get("CUDA_VISIBLE_DEVICES", "")
    return (
        f"CUDA_VISIBLE_DEVICES={value or repr('')} hides it: take it away before TensorFlow is imported, "
        f"and {_RESTART}"
    )


def _of_libraries(evidence: Evidence) -> str:
    if not evidence.missing:
        return ""
    return f"CUDA's libraries are missing ({', '.join(evidence.missing)}): type  {_INSTALL}  and {_RESTART}"


def _of_capability(gpu: Gpu, evidence: Evidence) -> str:
    lowest = min(evidence.build.capabilities, default=None)
    if gpu.compute_capability is None or lowest is None or gpu.compute_capability >= lowest:
        return ""
    has, needs = ("{}.{}".format(*each) for each in (gpu.compute_capability, lowest))
    return (
        f"its compute capability is {has}, and TensorFlow {evidence.build.version} has code from {needs} on: "
        "take an older TensorFlow, or build it for this GPU"
    )


def _of_answer(evidence: Evidence) -> str:
    if not evidence.answer:
        return ""
    words = _ANSWERS.get(evidence.answer, f"CUDA does not start: cuInit answers {evidence.answer}")
    return f"{words} (cuInit: {evidence.answer})" if evidence.answer in _ANSWERS else words
