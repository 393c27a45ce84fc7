"""``nbkeras.devices()``: what this machine has, and what TensorFlow sees of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.devices import precision
from nbkeras.devices.current import current
from nbkeras.devices.evidence import evidence_of
from nbkeras.devices.facts import Device, Devices
from nbkeras.devices.nvidia import Gpu, nvidia
from nbkeras.devices.processor import processor
from nbkeras.devices.tensorflow_build import Build, build_of, facts, has_begun, is_installed, tensorflow
from nbkeras.devices.tpu_hardware import tpu_hardware
from nbkeras.devices.unseen import hidden, why_not
from nbkeras.devices.visible import paired, visible_gpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.devices.nvidia import Nvidia


def devices(root: Path = Path("/")) -> Devices:
    """Return the devices of this machine, and why TensorFlow does not see those that it doesn't.

    It imports TensorFlow, where there is one, and does not begin it: logical devices can still be made, and
    no memory of a GPU is taken.

    Example:
        >>> import nbkeras
        >>> nbkeras.devices()  # doctest: +SKIP
        device  name                 in TensorFlow  good at  …
        CPU     AMD EPYC, 2 cores    CPU:0          float32  …

    Args:
        root: where the system's files are.

    Returns:
        An object that prints as a table, with ``cpus``, ``gpus``, ``tpus``, ``tensorflow`` and ``notes``.
    """
    module = tensorflow() if is_installed() else None
    build = Build() if module is None else build_of(module)
    machine = nvidia(root)
    found = (
        processor(_cpu_names(module), root),
        *_gpus(machine, build, module, root),
        *_tpus(module, root),
    )
    built = {"TensorFlow": "not installed"} if module is None else facts(module, build)
    if machine.driver:
        newest = "" if machine.cuda is None else ", for CUDA up to {}.{}".format(*machine.cuda)
        built["NVIDIA's driver"] = f"{machine.driver}{newest}"
    held = current()
    if held is not None:
        built["strategy"] = held.words
    return Devices(found, built, _notes(machine, found))


def _cpu_names(module: Any) -> tuple[str, ...]:
    if module is None:
        return ()
    logical = [
        each
        for cpu in module.config.list_physical_devices("CPU")
        for each in module.config.get_logical_device_configuration(cpu) or [None]
    ]
    return tuple(f"CPU:{number}" for number in range(len(logical)))


def _gpus(machine: Nvidia, build: Build, module: Any, root: Path) -> list[Device]:
    known = _known_to(module)
    if not machine.gpus:
        # Of another maker, or in a place where nobody but TensorFlow can see it.
        return [_device(Gpu(each.model or "GPU"), each, "") for each in known]
    evidence = evidence_of(machine, build, module, root)
    places = visible_gpus(os.environ.get("CUDA_VISIBLE_DEVICES"), machine.gpus)
    pairs = paired([each.model for each in known], machine.gpus, places)
    found = []
    for at, gpu in enumerate(machine.gpus):
        if at in pairs:
            each = known[pairs[at]]
            found.append(_device(gpu, each, "" if each.names else hidden()))
        else:
            # Where TensorFlow knows of as many as the variable shows, the others are those that it hides.
            visible = at in places and len(known) < len(places)
            found.append(_device(gpu, _Known(), why_not(gpu, evidence, visible=visible)))
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What TensorFlow knows of a GPU: its names are those of its logical devices."""

    model: str = ""
    capability: tuple[int, int] | None = None
    names: tuple[str, ...] = ()


def _known_to(module: Any) -> list[_Known]:
    if module is None:
        return []
    config = module.config
    visible = config.get_visible_devices("GPU")
    found, count = [], 0
    for gpu in config.list_physical_devices("GPU"):
        details = config.experimental.get_device_details(gpu)
        logical = len(config.get_logical_device_configuration(gpu) or [None]) if gpu in visible else 0
        names = tuple(f"GPU:{number}" for number in range(count, count + logical))
        found.append(_Known(details.get("device_name", ""), details.get("compute_capability"), names))
        count += logical
    return found


def _device(gpu: Gpu, known: _Known, why: str) -> Device:
    capability = gpu.compute_capability or known.capability
    good = precision.of_gpu(capability)
    return Device(
        "GPU",
        gpu.name,
        seen_as=known.names,
        good_at=good.good_at,
        policy=good.policy,
        source=good.source,
        compute_capability=capability,
        memory=gpu.memory,
        used=gpu.used,
        free=gpu.free,
        why_not_seen=why,
    )


def _tpus(module: Any, root: Path) -> list[Device]:
    good = precision.of_tpu()
    # To ask for logical devices begins TensorFlow: before that there are none of a TPU.
    logical = [] if module is None or not has_begun() else module.config.list_logical_devices("TPU")
    names = tuple(f"TPU:{number}" for number in range(len(logical)))
    chips = tpu_hardware(root).chips
    found = [
        Device(
            "TPU",
            f"{model}, {count} chip{'s' * (count != 1)}",
            seen_as=names,
            good_at=good.good_at,
            policy=good.policy,
            source=good.source,
            why_not_seen="" if names else "it is not connected: type  %tpu_connect",
        )
        for model, count in chips.items()
    ]
    if names and not found:
        found.append(Device("TPU", "TPU", names, good.good_at, good.policy, good.source))
    return found


def _notes(machine: Nvidia, found: Sequence[Device]) -> tuple[str, ...]:
    gpus = [each for each in found if each.kind == "GPU"]
    unseen: dict[str, list[str]] = {}
    for each in found:
        if each.why_not_seen:
            unseen.setdefault(each.why_not_seen, []).append(_named(each, gpus))
    notes = [
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not seen by TensorFlow: {why}"
        for why, names in unseen.items()
    ]
    if gpus and not machine.asks:
        notes.append("memory is not known without the package nvidia-ml-py: type  %pip install nvidia-ml-py")
    return tuple(notes)


def _named(device: Device, gpus: Sequence[Device]) -> str:
    several = [each for each in gpus if each.name == device.name]
    # The numbers are those of nvidia-smi.
    at = next((number for number, each in enumerate(gpus) if each is device), 0)
    return f"{device.name} ({at})" if len(several) > 1 else device.name
