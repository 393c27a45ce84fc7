"""``nbkeras.devices()`` brings machine and TensorFlow together; TensorFlow's GPUs stand in for real ones."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

import nbkeras
from nbkeras.devices import asking
from nbkeras.devices.facts import HEADER
from nbkeras.devices.nvidia import Gpu, Nvidia
from nbkeras.devices.tensorflow_build import Build
from nbkeras.widgets.devices import devices_bundle

GIB = 2**30


def gpu(name, number, capability):
    return Gpu(name, f"0000:0{number}:00.0", f"GPU-{number}", capability, 16 * GIB, 1 * GIB, 15 * GIB)


T4 = gpu("Tesla T4", 0, (7, 5))
H200 = [gpu("NVIDIA H200", number, (9, 0)) for number in (1, 2)]


def tensorflow(models, *, visible=None, logical=None):
    """TensorFlow's answers on GPUs, given as models with their compute capability."""
    physical = {"GPU": list(range(len(models))), "CPU": ["cpu"]}
    config = SimpleNamespace(
        list_physical_devices=lambda kind: physical[kind],
        list_logical_devices=lambda kind: [],
        get_visible_devices=lambda kind: physical[kind] if visible is None else visible,
        get_logical_device_configuration=lambda device: [None] * (logical or {}).get(device, 0) or None,
        experimental=SimpleNamespace(
            get_device_details=lambda at: dict(
                zip(("device_name", "compute_capability"), models[at], strict=True)
            )
        ),
        optimizer=SimpleNamespace(get_jit=lambda: ""),
    )
    return SimpleNamespace(config=config)


@pytest.fixture
def ask(monkeypatch, tmp_path):
    def ask(gpus, module, **machine):
        (tmp_path / "dev").mkdir(exist_ok=True)
        (tmp_path / "dev/nvidia0").touch()
        monkeypatch.setattr(asking, "tensorflow", lambda: module)
        monkeypatch.setattr(asking, "is_installed", lambda: module is not None)
        monkeypatch.setattr(asking, "build_of", lambda _: Build("2.21.0", ("tensorflow 2.21.0",), "12.5.1"))
        machine = {"known_by": "driver", "driver": "550.54.15", "cuda": (12, 4), **machine}
        monkeypatch.setattr(asking, "nvidia", lambda _: Nvidia(tuple(gpus), **machine))
        return asking.devices(tmp_path)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return ask


def names(devices):
    return [(each.name, each.seen_as) for each in devices.gpus]


def test_models_tell_apart_gpus_that_cuda_counts_in_another_order(ask):
    found = ask([T4, *H200], tensorflow([("NVIDIA H200", (9, 0))] * 2 + [("Tesla T4", (7, 5))]))
    assert names(found) == [
        ("Tesla T4", ("GPU:2",)),
        ("NVIDIA H200", ("GPU:0",)),
        ("NVIDIA H200", ("GPU:1",)),
    ]
    assert [each.policy for each in found.gpus] == ["mixed_float16"] * 3
    assert [each.good_at for each in found.gpus] == [("float16",), *[("float16", "bfloat16", "tf32")] * 2]
    assert found.notes == ()


def test_a_variable_that_shows_one_of_two_equal_gpus(ask, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = ask(H200, tensorflow([("NVIDIA H200", (9, 0))]))
    assert names(found) == [("NVIDIA H200", ()), ("NVIDIA H200", ("GPU:0",))]
    (note,) = found.notes
    hides = "is not seen by TensorFlow: CUDA_VISIBLE_DEVICES=1 hides it"
    assert note.startswith(f"NVIDIA H200 (0) {hides}")


def test_the_variable_counts_as_cuda_does(ask, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    found = ask([T4, H200[0]], tensorflow([("NVIDIA H200", (9, 0))]))
    assert names(found) == [("Tesla T4", ()), ("NVIDIA H200", ("GPU:0",))]
    assert found.notes[0].startswith("Tesla T4 is not seen by TensorFlow: CUDA_VISIBLE_DEVICES=0 hides it")


def test_a_gpu_that_the_notebook_has_hidden_and_one_that_it_has_split(ask):
    module = tensorflow([("NVIDIA H200", (9, 0))] * 2, visible=[1], logical={1: 2})
    found = ask(H200, module)
    assert names(found) == [("NVIDIA H200", ()), ("NVIDIA H200", ("GPU:0", "GPU:1"))]
    assert "tf.config.set_visible_devices hides it" in found.notes[0]


def test_a_gpu_without_anybody_to_ask_but_tensorflow(ask):
    found = ask([], tensorflow([("Apple M3", None)]), driver="")
    assert names(found) == [("Apple M3", ("GPU:0",))]
    assert found.gpus[0].memory is None


def test_without_tensorflow_the_machine_is_still_shown(ask):
    found = ask([T4], None, asks=False)
    assert found.cpus[0].seen_as == ()
    assert found.tensorflow["TensorFlow"] == "not installed"
    assert "TensorFlow is not installed: type  %pip install" in found.notes[0]
    assert "%pip install nvidia-ml-py" in found.notes[1]


class Words(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.text, self.tags = [], set()
        self.feed(page)

    def handle_data(self, data):
        self.text += data.split()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


def test_html_and_text_say_the_same(ask, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = ask([T4, *H200], tensorflow([("NVIDIA H200", (9, 0))]))
    bundle = devices_bundle(found)
    page, text = Words(bundle["text/html"]), bundle["text/plain"]
    cells = [*HEADER, *(cell for each in found.all for cell in each.cells())]
    said = [*cells, *(word for fact in found.facts() for word in fact), *found.notes]
    assert found.notes[0].startswith("Tesla T4 and NVIDIA H200 (2) are not seen by TensorFlow: ")
    assert "not seen" in said
    shown = " ".join(page.text)
    for words in said:
        assert " ".join(words.split()) in shown
        assert words in text
    assert "script" not in page.tags
    assert text == repr(found)


def test_the_module_of_the_name_can_be_called(monkeypatch):
    assert nbkeras.devices.__name__ == "nbkeras.devices"
    answer = object()
    monkeypatch.setattr(asking, "devices", lambda: answer)
    assert nbkeras.devices() is answer


BEFORE = """
import nbkeras
found = nbkeras.devices()
assert found.cpus[0].seen_as == ("CPU:0",), found
from nbkeras.devices.logical_cpus import logical_cpus
from nbkeras.devices.tensorflow_build import has_begun
assert not has_begun() and "logical CPUs" in repr(found)
assert logical_cpus(3) == logical_cpus(3) and logical_cpus(2) == ("CPU:0", "CPU:1")
assert nbkeras.devices().cpus[0].seen_as == ("CPU:0", "CPU:1") and not has_begun()
import tensorflow as tf
assert len(tf.config.list_logical_devices("CPU")) == 2 and has_begun()
assert logical_cpus(2) == ("CPU:0", "CPU:1")
try:
    logical_cpus(4)
except nbkeras.Refusal as refusal:
    print(refusal)
"""


def test_asking_does_not_begin_tensorflow_and_logical_cpus_need_that():
    run = subprocess.run(
        [sys.executable, "-c", BEFORE],
        capture_output=True,
        text=True,
        check=False,
        cwd=nbkeras.__path__[0] + "/..",
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == (
        "--logical-cpus: expected a TensorFlow that has not begun yet, received one that works with 2 CPU "
        "devices: restart the kernel, and put  %devices --logical-cpus 4  into its first cell"
    )
