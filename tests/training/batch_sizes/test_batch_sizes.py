"""`nbkeras.batch_size_find` with real processes of its own: they end, and nothing here has moved."""

from __future__ import annotations

import importlib
import os
import signal
import threading

import numpy as np
import pytest

import nbkeras
from nbkeras.callbacks.backup.randomness import read_random
from nbkeras.callbacks.backup.variables import read_variables
from nbkeras.reproducibility.fingerprint import digest_of
from nbkeras.runtime.memory import format_bytes, free_memory, parse_bytes, resident_memory
from nbkeras.training.batch_sizes import between, trials
from nbkeras.training.batch_sizes.finding import doubled
from nbkeras.training.batch_sizes.found import BatchSizesFound
from nbkeras.training.batch_sizes.trials import Size

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(100, 32)).astype("float32")
Y = RANDOM.integers(0, 2, 100)


def made(keras, repeats=2):
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(name="small")
    for layer in (layers.Input((32,)), layers.Dense(8), layers.RepeatVector(repeats)):
        model.add(layer)
    for layer in (layers.GlobalAveragePooling1D(), layers.Dense(2)):
        model.add(layer)
    model.compile(
        nbkeras.layer_rates(keras.optimizers.Adam(1e-3), model, {model.layers[0]: 0.5}),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def state(model):
    values = {name: list(map(digest_of, arrays)) for name, arrays in read_variables(model).items()}
    return values, {name: repr(each) for name, each in read_random().items()}


@pytest.fixture
def processes(request, monkeypatch):
    """The processes that were started; none may outlive its search."""
    started = []
    popen = trials.subprocess.Popen

    def seen(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(trials.subprocess, "Popen", seen)
    if request.node.get_closest_marker("costly") is None:
        # Another process imports TensorFlow again: near enough is here what is not half as large.
        monkeypatch.setattr(between, "_NEAR", 1)
    yield started
    assert all(each.poll() is not None for each in started)


@pytest.mark.parametrize("line", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)])
def test_sizes_that_fit_and_a_process_that_is_ended_for_its_memory(line, processes, capsys):
    """Each sample takes 1.6 MB in one layer: batches of 65536 take 100 GB, far above what the process may."""
    model = made(importlib.import_module(line), repeats=50_000)
    before = state(model)
    found = nbkeras.batch_size_find(
        model, X, Y, smallest=128, largest=65_536, max_memory="2GB", max_time="120s"
    )
    assert state(model) == before
    assert [each.size for each in found.sizes][:2] == [128, 256]
    if line == "tf_keras":
        assert 0 < found.too_large - found.largest <= found.largest / 16
        assert len(processes) > 1
    else:
        assert len(processes) == 1
        assert found.too_large == 2 * found.largest
    assert found.why == f"batches of {found.too_large} take more than 2.0 GB"
    assert all(0 < each.memory < 2 * 2**30 for each in found.sizes)
    assert found.sizes[-1].memory > found.sizes[0].memory
    assert [each.size for each in found.sizes] == sorted(each.size for each in found.sizes)
    assert "memory: 2.0 GB at the most, by max_memory" in found.notes
    assert "\rbatch size 128" in capsys.readouterr().out
    # This process trains on.
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"][0])


@pytest.mark.usefixtures("python_interrupts")
def test_interrupts_and_time_end_the_process(processes):
    import keras

    model = made(keras)
    timer = threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    found = nbkeras.batch_size_find(model, X, Y)
    timer.join()
    assert (found.why, found.largest, found.suggested) == ("it was interrupted", None, None)
    found = nbkeras.batch_size_find(model, X, Y, max_time=0.5)
    assert found.why == "the time was over"
    with pytest.raises(nbkeras.Refusal, match="max_memory: expected more than TensorFlow itself takes, rec"):
        nbkeras.batch_size_find(model, X, Y, max_memory="30MB")


def test_what_another_process_cant_make(processes):
    import keras

    class Own(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    model = keras.Sequential([keras.layers.Input((32,)), Own(), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    with pytest.raises(nbkeras.Refusal, match="another process can import, received Own of this notebook"):
        nbkeras.batch_size_find(model, X, Y)
    model = keras.Sequential([keras.layers.Input((32,)), keras.layers.Dense(2)], name="raw")
    with pytest.raises(nbkeras.Refusal, match="received 'raw' without compile: compile it"):
        nbkeras.batch_size_find(model, X, Y)
    assert processes == []


PARTS = """
import importlib, os
keras = importlib.import_module("tf_keras" if os.environ.get("TF_USE_LEGACY_KERAS") == "1" else "keras")

class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs

class Model(keras.Model):
    def train_step(self, data):
        return super().train_step(data)

def far(y, p):
    return (y - p) ** 2

class Few(keras.layers.Layer):
    def call(self, inputs):
        with keras.name_scope("few"):
            import tensorflow as tf
            tf.debugging.assert_less(tf.shape(inputs)[0], 41, "at most 40")
        return inputs
"""


@pytest.mark.costly
@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_parts_of_a_file_are_imported_there(line, processes, tmp_path, monkeypatch):
    keras = importlib.import_module(line)
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(line == "tf_keras")))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / f"own_{line}.py").write_text(PARTS)
    parts = importlib.import_module(f"own_{line}")
    inputs = keras.layers.Input((32,))
    model = parts.Model(inputs, keras.layers.Dense(1)(parts.Twice()(inputs)))
    model.compile(keras.optimizers.SGD(nbkeras.one_cycle(0.1, 2, 8, line=line)), parts.far)
    found = nbkeras.batch_size_find(model, X, X[:, :1], smallest=32)
    assert [each.size for each in found.sizes] == [32, 64, 100]
    assert (found.why, found.too_large) == ("all sizes were tried", None)
    model = keras.Sequential([inputs, parts.Few(), keras.layers.Dense(1)])
    model.compile("sgd", parts.far, steps_per_execution=2)
    found = nbkeras.batch_size_find(model, X, X[:, :1], max_time="120s")
    # 8, 16, 32 and not 64; then 48 and 40 in processes of their own, and the two sizes next to 40.
    assert (found.largest, found.too_large) == (40, 42)
    assert found.why.startswith("batches of 42 failed (InvalidArgumentError: ")
    with pytest.raises(nbkeras.Refusal, match="trains in a process of its own, received InvalidArgument"):
        nbkeras.batch_size_find(model, X, X[:, :1], smallest=64)


@pytest.mark.costly
@pytest.mark.usefixtures("processes")
def test_where_the_smallest_does_not_fit_smaller_ones_are_tried():
    import keras

    found = nbkeras.batch_size_find(
        made(keras, repeats=10_000_000), X, Y, smallest=4, max_memory="3GB", max_time="150s"
    )
    # A sample takes 320 MB in one layer.
    assert 1 <= found.largest < 4
    assert found.too_large == found.largest + 1


def test_sizes_between():
    assert between.between(256, 512) == (384, 448, 480, 496)
    assert between.between(0, 8) == (4, 6, 7)
    assert between.between(0, 1) == ()
    assert doubled(8, 8) == (8,)
    # As the searches go on, whatever fits, they end with two sizes that are near.
    for most in range(1, 3000, 7):
        fits, too_large = 0, 4096
        while sizes := between.between(fits, too_large):
            fits = max([fits, *(size for size in sizes if size <= most)])
            too_large = min([too_large, *(size for size in sizes if size > most)])
        assert fits <= most < too_large
        assert too_large - fits <= max(1, fits // 16)


@pytest.mark.costly
def test_a_model_that_can_not_train_is_said(processes):
    import keras

    model = keras.Sequential([keras.layers.Input((32,)), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    with pytest.raises(nbkeras.Refusal, match="expected a model that trains in a process of its own"):
        nbkeras.batch_size_find(model, X, RANDOM.normal(size=(100, 7)))


def test_where_larger_stops_paying():
    """A doubling from 32 to 64 gives 4 %."""
    rates = {8: 1000.0, 16: 1900.0, 32: 3000.0, 64: 3120.0, 128: 4000.0}
    sizes = tuple(Size(size, size / rate, None) for size, rate in rates.items())
    found = BatchSizesFound(sizes, 256, "batches of 256 ran out of memory", 3.0)
    assert (found.suggested, found.largest) == (32, 128)
    assert "suggested: 32: twice as much gives less than 5% more samples a second" in found.lines()
    assert "largest that fits: 128; 256 does not" in found.lines()
    # Half as much again counts by what it would be for twice as much: 3 %, and 2.7 %, of 5 %.
    found = BatchSizesFound((*sizes[:3], Size(48, 48 / 3090, None)), 64, "", 3.0)
    assert (found.suggested, found.largest) == (48, 48)
    assert "suggested: 48, the largest that fits" in found.lines()
    found = BatchSizesFound((*sizes[:3], Size(48, 48 / 3080, None)), 64, "", 3.0)
    assert found.suggested == 32
    assert BatchSizesFound(sizes[:3], None, "", 3.0).suggested == 32


def test_memory(tmp_path):
    assert resident_memory(os.getpid()) > 2**20
    assert free_memory() > 2**20
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\n")
    assert free_memory(tmp_path) == 4_096_000
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    for name, text in (
        ("max", "3000000"),
        ("current", "2500000"),
        ("stat", "anon 5\ninactive_file 400000\n"),
    ):
        (tmp_path / f"sys/fs/cgroup/memory.{name}").write_text(text)
    assert free_memory(tmp_path) == 900_000
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert free_memory(tmp_path) == 4_096_000
    assert free_memory(tmp_path / "nothing") is None
    assert [parse_bytes(each, option="m") for each in ("2GB", "1.5G", "800MB", 12)] == [
        2**31,
        3 * 2**29,
        800 * 2**20,
        12,
    ]
    assert format_bytes(2**31) == "2.0 GB"
    for wrong in ("much", 0, True, "-1GB"):
        with pytest.raises(nbkeras.Refusal, match="m: expected memory such as 800MB or 4GB, received"):
            parse_bytes(wrong, option="m")
