"""Each reason for which TensorFlow does not see a GPU is named, with what to do against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbkeras.devices.evidence import evidence_of, missing_libraries
from nbkeras.devices.nvidia import Gpu, Nvidia
from nbkeras.devices.tensorflow_build import Build
from nbkeras.devices.unseen import Evidence, why_not

A100 = Gpu("NVIDIA A100", compute_capability=(8, 0))
CUDA = Build("2.21.0", ("tensorflow 2.21.0",), "12.5.1", "9", ((6, 0), (8, 0), (9, 0)))
DRIVER = Nvidia((A100,), "driver", "550.54.15", (12, 4))
FILES = ("/dev/nvidia0", "/dev/nvidiactl")
WELL = Evidence(machine=DRIVER, build=CUDA, device_files=FILES, answer=0)
BARE = Nvidia((A100,), "PCI bus", error="NVML Shared Library Not Found")
MISMATCH = replace(BARE, error="Driver/library version mismatch")


@pytest.mark.parametrize(
    ("changes", "words", "mend"),
    [
        ({"build": Build()}, "TensorFlow is not installed", "%pip install 'tensorflow[and-cuda]'"),
        ({"platform": "win32"}, "on Windows TensorFlow uses no GPU since its release 2.11", "WSL2"),
        (
            {"build": Build("2.21.0", ("tensorflow-cpu 2.21.0",))},
            "tensorflow-cpu 2.21.0 is built without CUDA",
            "%pip uninstall -y tensorflow-cpu  and  %pip install 'tensorflow[and-cuda]'  and restart",
        ),
        ({"machine": BARE}, "NVIDIA's driver is not installed or not loaded", "install it"),
        ({"machine": BARE, "in_container": True}, "NVIDIA's driver is not in this container", "--gpus all"),
        ({"machine": MISMATCH}, "of different versions", "restart the machine"),
        (
            {"machine": replace(DRIVER, driver="470.82.01", cuda=(11, 4))},
            "the driver 470.82.01 is too old for CUDA 12.5.1",
            "install driver 525 or newer",
        ),
        ({"variables": {"NVIDIA_VISIBLE_DEVICES": "void"}}, "started without GPUs", "--gpus all"),
        ({"device_files": (), "in_container": True}, "none of the files /dev/nvidia*", "--gpus all"),
        ({"device_files": ()}, "no files /dev/nvidia*", "nvidia-modprobe"),
        ({"closed_files": ("/dev/nvidiactl",)}, "may not open /dev/nvidiactl", "group video"),
        ({"missing": ("libcudnn.so.9",)}, "libraries are missing (libcudnn.so.9)", "tensorflow[and-cuda]"),
        ({"answer": 100}, "CUDA finds no GPU that it may use (cuInit: 100)", ""),
        ({"answer": 802}, "nvidia-fabricmanager must run (cuInit: 802)", ""),
        ({"answer": 999}, "CUDA does not start: cuInit answers 999", ""),
        ({}, "must have looked for GPUs before this one could be used", "restart the kernel"),
    ],
)
def test_a_reason_is_named_with_its_mend(changes, words, mend):
    why = why_not(A100, replace(WELL, **changes), visible=True)
    assert words in why
    assert mend in why
    assert "\n" not in why


@pytest.mark.parametrize("value", ["", "-1", "1"])
def test_a_variable_that_hides_it_is_named(value):
    evidence = replace(WELL, variables={"CUDA_VISIBLE_DEVICES": value}, answer=100)
    why = why_not(A100, evidence, visible=False)
    assert f"CUDA_VISIBLE_DEVICES={value or repr('')} hides it" in why


def test_a_gpu_that_is_too_old_is_told_what_it_lacks():
    why = why_not(Gpu("Tesla K80", compute_capability=(3, 7)), WELL, visible=True)
    assert "its compute capability is 3.7" in why
    assert "from 6.0 on" in why


def test_files_variables_and_containers_are_looked_at(tmp_path, monkeypatch):
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch(mode=0o600)
    (tmp_path / ".dockerenv").touch()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    evidence = evidence_of(DRIVER, replace(CUDA, cuda=""), None, tmp_path)
    assert evidence.device_files == (str(tmp_path / "dev/nvidia0"),)
    assert evidence.in_container
    assert evidence.variables["CUDA_VISIBLE_DEVICES"] == "1"
    (tmp_path / "dev/dxg").touch()  # Windows Subsystem for Linux
    assert evidence_of(DRIVER, replace(CUDA, cuda=""), None, tmp_path).device_files is None


def test_libraries_are_looked_for_where_the_loader_looks(tmp_path, monkeypatch):
    unlikely = Build("2.21.0", cuda="87.1", cudnn="89")
    wanted = ("libcudart.so.87", "libcublas.so.87", "libcudnn.so.89")
    assert missing_libraries(unlikely) == wanted
    for name in wanted[:2]:
        (tmp_path / name).touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
    assert missing_libraries(unlikely) == wanted[2:]
    assert missing_libraries(Build("2.21.0")) == ()
