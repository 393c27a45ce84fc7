"""GPUs of NVIDIA are found by the driver, in /proc or on the PCI bus, whichever answers."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from nbkeras.devices.nvidia import nvidia

GIB = 2**30


class NVMLError(Exception):
    """What nvidia-ml-py raises."""


def library(cards, *, failing="", unsupported=(), as_bytes=False):
    """nvidia-ml-py's module as far as it is asked, over cards that are given as dicts."""

    def text(words):
        return words.encode() if as_bytes else words

    def nvml_init():
        if failing:
            raise NVMLError(failing)

    def answer(name):
        def ask(card):
            if name in unsupported:
                raise NVMLError("Not Supported")
            return card[name]

        return ask

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=nvml_init,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: len(cards),
        nvmlDeviceGetHandleByIndex=lambda at: cards[at],
        nvmlDeviceGetName=lambda card: text(card["name"]),
        nvmlDeviceGetUUID=lambda card: text(card["uuid"]),
        nvmlDeviceGetMemoryInfo=answer("memory"),
        nvmlDeviceGetCudaComputeCapability=answer("capability"),
        nvmlDeviceGetPciInfo=lambda card: SimpleNamespace(busId=text(card["bus"])),
        nvmlSystemGetCudaDriverVersion=lambda: 12040,
        nvmlSystemGetDriverVersion=lambda: text("550.54.15"),
    )


def card(name="NVIDIA A100", number=0, capability=(8, 0)):
    memory = SimpleNamespace(total=40 * GIB, used=3 * GIB, free=37 * GIB)
    uuid, bus = f"GPU-{number}a", f"00000000:0{number}:00.0"
    return {"name": name, "uuid": uuid, "bus": bus, "memory": memory, "capability": list(capability)}


@pytest.fixture
def pci(tmp_path):
    """A machine's files, with devices on its PCI bus."""

    def add(place, **values):
        folder = tmp_path / "sys/bus/pci/devices" / place
        folder.mkdir(parents=True)
        for name, value in values.items():
            (folder / name).write_text(f"{value}\n")

    add.root = tmp_path
    return add


@pytest.mark.parametrize("as_bytes", [False, True])
def test_the_driver_says_all(monkeypatch, tmp_path, as_bytes):
    cards = [card(), card("Tesla T4", 1, (7, 5))]
    monkeypatch.setitem(sys.modules, "pynvml", library(cards, as_bytes=as_bytes))
    found = nvidia(tmp_path)
    assert (found.known_by, found.driver, found.cuda) == ("driver", "550.54.15", (12, 4))
    first, second = found.gpus
    assert (first.name, first.uuid, first.compute_capability) == ("NVIDIA A100", "GPU-0a", (8, 0))
    assert (first.memory, first.used, first.free) == (40 * GIB, 3 * GIB, 37 * GIB)
    assert (second.name, second.compute_capability) == ("Tesla T4", (7, 5))


def test_a_question_that_a_gpu_does_not_answer_leaves_the_others(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pynvml", library([card()], unsupported=("memory", "capability")))
    (gpu,) = nvidia(tmp_path).gpus
    assert (gpu.name, gpu.memory, gpu.free, gpu.compute_capability) == ("NVIDIA A100", None, None, None)


def test_without_an_answer_of_the_driver_the_bus_is_read(monkeypatch, pci):
    pci("0000:00:01.0", vendor="0x10de", device="0x2335", **{"class": "0x030200"})
    pci("0000:00:02.0", vendor="0x10de", device="0x22ba", **{"class": "0x040300"})  # its sound
    pci("0000:00:03.0", vendor="0x8086", device="0x2335", **{"class": "0x030000"})
    monkeypatch.setitem(sys.modules, "pynvml", library([], failing="NVML Shared Library Not Found"))
    found = nvidia(pci.root)
    assert [gpu.name for gpu in found.gpus] == ["NVIDIA GPU (PCI 10de:2335)"]
    assert (found.known_by, found.driver, found.error) == ("PCI bus", "", "NVML Shared Library Not Found")


def test_proc_names_the_model_and_the_driver(monkeypatch, pci):
    pci("0000:00:01.0", vendor="0x10de", device="0x2335", **{"class": "0x030200"})
    folder = pci.root / "proc/driver/nvidia/gpus/0000:00:01.0"
    folder.mkdir(parents=True)
    (folder / "information").write_text("Model: \t\t NVIDIA H200\nGPU UUID: \t GPU-1f\n")
    version = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.12  Wed Sep 20 09:35:17 UTC 2023\n"
    (pci.root / "proc/driver/nvidia/version").write_text(version)
    monkeypatch.setitem(sys.modules, "pynvml", None)  # not installed
    found = nvidia(pci.root)
    assert [(gpu.name, gpu.uuid) for gpu in found.gpus] == [("NVIDIA H200", "GPU-1f")]
    assert (found.known_by, found.driver, found.asks) == ("/proc", "535.104.12", False)


def test_the_real_library_without_a_driver_is_an_answer(tmp_path):
    pynvml = pytest.importorskip("pynvml")
    try:
        pynvml.nvmlInit()
        pynvml.nvmlShutdown()
        expected = ("driver", "")
    except pynvml.NVMLError as error:
        expected = ("", str(error))
    found = nvidia(tmp_path)
    assert (found.known_by, found.error) == expected
