"""Each part's weights are on its device and its ops run there, and the model learns what it would on one."""

import contextlib
import io
import re

import numpy as np
from tensorflow import keras

from nbkeras import recipes
from tests.recipes import sequences
from tests.recipes.traced import devices_of

TWO = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""
OWN = [
    ({"model": "mine", "x": "pairs", "split": "shared", "epochs": 2}, f"{TWO}{sequences.SETUP}"),
    (
        {"model": "mine", "x": "inputs", "y": "targets", "split": "c", "first": "CPU:1", "second": "CPU:0"},
        f"""{TWO}
import numpy as np
from tensorflow import keras
inputs, targets = np.random.default_rng(1).normal(size=(64, 3)), np.arange(64) % 2
mine = keras.Sequential(
    [keras.Input((3,)), *(keras.layers.Dense(4, name=name) for name in "ab"), keras.layers.Dense(1, name="c")]
)
mine.compile(keras.optimizers.SGD(0.01), loss="mse")
""",
    ),
]


def fresh(values):
    return True


def before(values, variables):
    keras.utils.set_random_seed(1)


def kept(values, variables, line):
    model = variables["placed" if values["model"] else "model"]
    if values["x"] == "pairs":
        sequences.computes_and_learns_alike(variables, model)
        for layer, device in {"embed": "CPU:0", "shared": "CPU:1", "attend": "CPU:1"}.items():
            assert {held(weight, line) for weight in model.get_layer(layer).weights} == {device}
        can_be_reloaded(model, [variables["words"], variables["others"]])
        names = ("words", "others", "pairs", "mine")
        with_nbkeras(values, {name: variables[name] for name in names}, line)
        return
    where = (
        {"a": "CPU:1", "b": "CPU:1", "c": "CPU:0"} if values["model"] else {"left": "CPU:0", "right": "CPU:1"}
    )
    placed = devices_of(model, kinds=("MatMul",))
    for layer, device in where.items():
        for weight in model.get_layer(layer).weights:
            assert held(weight, line) == device, layer
        computing = [name for names in placed.values() for name in names if re.search(f"/{layer}[_/]", name)]
        assert {name.startswith("gradient") for name in computing} == {True, False}
        assert all(name in placed[device] for name in computing), (layer, placed)

    again = {name: variables[name] for name in ("inputs", "targets", "mine") if name in variables}
    before(values, again)
    code = recipes.get("device_parallel").code(line=line, **values)
    code = code.replace("@keras.utils", "devices = ['CPU:0'] * 2\n@keras.utils")
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "<again>", "exec"), again)  # noqa: S102
    alone = again["placed" if values["model"] else "model"]
    assert "CPU:1" not in devices_of(alone)
    for ours, its in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(ours, its, atol=1e-5)
    can_be_reloaded(model, variables["inputs" if values["model"] else "x"])
    if not values["model"] and values["layout"] == "branches":
        for ours, its in zip(with_nbkeras(values, {}, line).get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(ours, its, atol=1e-5)


def with_nbkeras(values, variables, line):
    """With nbkeras.on_device both devices really compute, and what is wrapped is where it should be."""
    before(values, variables)
    code = recipes.get("device_parallel").code(line=line, magics=True, **values)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<with nbkeras>", "exec"), variables)  # noqa: S102
    model = variables["placed" if values["model"] else "model"]
    rows = [row.split() for row in printed.getvalue().splitlines() if " OnDevice " in row]
    assert {device for row in rows for device in row[3:]} == {"CPU:0", "CPU:1"}
    for name, _, *devices in rows:
        assert len({*devices} - {"-"}) == 1, (name, devices)
    if values["x"] == "pairs":
        sequences.computes_and_learns_alike(variables, model)
        return model
    computing = devices_of(model, kinds=("MatMul",))
    for device in ("CPU:0", "CPU:1"):
        assert {name.startswith("gradient") for name in computing[device]} == {True, False}
    return model


def held(weight, line):
    """Return the device that has a weight."""
    return (weight.value if line == "keras" else weight).device.partition("device:")[2]


def can_be_reloaded(model, x):
    model.save("placed.keras")
    loaded = keras.models.load_model("placed.keras")
    assert [type(layer).__name__ for layer in loaded.layers].count("OnDevice") >= 2
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
