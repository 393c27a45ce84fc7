"""``%%fit --seed`` and ``%seed`` in a real kernel: a cell run again gives the same bits as at first."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.kernel

START = """
import os
os.environ["TF_USE_LEGACY_KERAS"] = "{legacy}"
%load_ext nbkeras
import hashlib, numpy as np
x = np.random.default_rng(0).random((96, 4)).astype("float32")
y = (x.sum(axis=1) > 2).astype("int32")

def bits():
    digest = hashlib.sha256()
    for weight in [*model.get_weights(), *(v.numpy() for v in model.optimizer.variables)]:
        digest.update(weight.tobytes())
    return digest.hexdigest(), history.history, [layer.name for layer in model.layers]
"""
WHOLE = """%%fit --seed 7 --quiet
import tensorflow as tf
keras = tf.keras
augmented = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(96).map(
    lambda a, b: (a + tf.random.normal((4,)), b), num_parallel_calls=2).batch(16)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.BatchNormalization(),
    keras.layers.GaussianNoise(0.1), keras.layers.Dropout(0.5), keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.AUC()])
history = model.fit(augmented, epochs=2)
history = model.fit(x + np.random.normal(size=x.shape), y, epochs=3, validation_split=0.25)
"""
MODEL = """
keras.utils.set_random_seed(1)
inputs = keras.Input((4,))
model = keras.Sequential([inputs, keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), "mse")
shuffled = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(96, seed=1).batch(16)
"""
FIT_ONLY = "%%fit --seed 7 --quiet\nhistory = model.fit(x, y, epochs=2)"
LINES = ["0", pytest.param("1", marks=pytest.mark.costly)]


@pytest.fixture(scope="module", params=LINES, ids=["keras", "tf_keras"])
def kernel(request, start_module_kernel):
    kernel = start_module_kernel()
    assert kernel.run(START.format(legacy=request.param))["status"] == "ok"
    kernel.legacy = request.param
    return kernel


def run(kernel, cell):
    assert kernel.run(cell, timeout=180)["status"] == "ok", kernel.messages
    return kernel.value("bits()")


def notes(kernel):
    return "\n".join(kernel.value("__import__('nbkeras').runs.latest().notes"))


def test_a_cell_gives_the_same_bits_history_and_names_again_and_in_a_new_kernel(kernel, start_kernel):
    first = run(kernel, WHOLE)
    assert run(kernel, WHOLE) == first
    other = start_kernel()
    assert other.run(START.format(legacy=kernel.legacy))["status"] == "ok"
    # Whatever it did before, and whichever seeds the cells before it have set.
    assert other.run("np.random.seed(3); np.random.rand(5)")["status"] == "ok"
    assert run(other, WHOLE) == first


def test_a_model_of_an_earlier_cell_is_taken_back(kernel):
    kernel.run(MODEL)
    before = kernel.value("model.get_weights()[0].tolist()")
    first = run(kernel, FIT_ONLY)
    assert "run again, this cell takes it back" in notes(kernel)
    assert kernel.value("model.get_weights()[0].tolist()") != before
    assert run(kernel, FIT_ONLY) == first
    assert "taken back to where this cell first began with it" in notes(kernel)


def test_another_cell_goes_on_where_the_model_is(kernel):
    kernel.run(MODEL)
    first = run(kernel, FIT_ONLY)
    second = run(kernel, FIT_ONLY + "\n# another cell")
    assert second != first
    # Its start is the end of the cell before.
    assert run(kernel, FIT_ONLY + "\n# another cell") == second
    # The first cell's model has been changed by another: it goes on from there.
    assert run(kernel, FIT_ONLY) not in (first, second)


def test_a_dataset_of_an_earlier_cell_is_named(kernel):
    kernel.run(MODEL)
    run(kernel, "%%fit --seed 7 --quiet\nhistory = model.fit(shuffled)")
    assert "the dataset was made in an earlier cell" in notes(kernel)


def test_new_layers_beside_those_of_an_earlier_cell_have_names_of_their_own(kernel):
    kernel.run(MODEL)
    cell = (
        "%%fit --seed 7 --quiet\n"
        "outputs = keras.layers.Dense(1)(model.layers[0].output)\n"
        "small, model = model, keras.Model(model.inputs, outputs)\n"
        "model.compile('adam', 'mse')\n"
        "history = model.fit(x, y)\n"
    )
    first = run(kernel, cell)
    kernel.run("model = small")
    assert run(kernel, cell)[2] == first[2]


def test_seed_shows_what_is_seeded(kernel):
    kernel.run("%seed 7 --deterministic")
    assert "seeded with 7" in kernel.text()
    assert "operations and threads of tf.data: deterministic" in kernel.text()
    kernel.run("first = np.random.rand(); import random; first += random.random()")
    kernel.run("%seed 7")
    kernel.run("again = np.random.rand(); again += random.random()")
    assert kernel.value("first == again")
    kernel.run("import tensorflow as tf; tf.keras.utils.set_random_seed(3)")
    kernel.run("%seed")
    assert "seeded with 7 by nbkeras, and since by something else: TensorFlow's seed is 3" in kernel.text()
    kernel.run("%seed 7")
    assert "by something else" not in kernel.text()
    kernel.run("%seed seven")
    assert "expected a whole number from 0 to 4294967295, received 'seven'" in str(kernel.messages)
    kernel.run("%seed --deterministic")
    assert "--deterministic goes with a seed" in str(kernel.messages)


def test_hash_seed_is_the_one_of_the_kernel_from_its_next_start_on(tmp_path, monkeypatch):
    """A kernel of the user's own writes its description, and the next one has the seed."""
    folder = tmp_path / "data" / "kernels" / "mine"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Mine", "language": "python", "env": {"KEPT": "1"}}
    (folder / "kernel.json").write_text(json.dumps(spec))
    path = os.pathsep.join([str(Path.cwd()), *sys.path])
    for name, value in {"JUPYTER_PATH": str(tmp_path / "data"), "PYTHONPATH": path}.items():
        monkeypatch.setenv(name, value)

    def values(*cells):
        manager = KernelManager(kernel_name="mine", transport="ipc", ip=str(tmp_path / "k"))
        manager.start_kernel(cwd=str(tmp_path))
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        try:
            for cell in cells:
                reply = client.execute_interactive(cell, timeout=60, output_hook=print)
                assert reply["content"]["status"] == "ok", reply["content"]
            asked = {"value": "__import__('os').environ.get('PYTHONHASHSEED'), hash('a')"}
            reply = client.execute("", user_expressions=asked, reply=True, timeout=60)
            return reply["content"]["user_expressions"]["value"]["data"]["text/plain"]
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)

    values("%load_ext nbkeras", "%seed --hash-seed 3 --kernel mine")
    first = values()
    assert first.startswith("('3', ")
    assert values() == first
    spec["env"]["PYTHONHASHSEED"] = "3"
    assert json.loads((folder / "kernel.json").read_text()) == spec
    assert KernelSpecManager().get_kernel_spec("mine").env == spec["env"]
