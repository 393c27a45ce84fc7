"""Each device computes its share of a batch, and together they learn what one device would have learned."""

import contextlib
import io

import numpy as np
import pytest
from tensorflow import keras

from nbkeras import recipes
from tests.recipes.traced import devices_of

MINE = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
inputs, targets = np.random.default_rng(1).normal(size=(64, 3)), np.arange(64) % 2
pairs = tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(7)
mine = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
mine.compile(keras.optimizers.SGD(0.25), loss="binary_crossentropy", metrics=["accuracy"])
"""
OWN = [({"model": "mine", "x": "pairs", "batch_size": 8, "epochs": 2}, MINE)]


def fresh(values):
    return True


def before(values, variables):
    keras.utils.set_random_seed(1)


def kept(values, variables, line):
    devices = [f"CPU:{number}" for number in range(values["devices"])]
    model = variables["parallel" if values["model"] else "model"]
    placed = devices_of(model)
    assert set(placed) == set(devices)
    assert len({len(ops) for ops in placed.values()}) == 1
    rows = 64 if values["model"] else len(variables["x"])
    steps = rows // values["batch_size"] * values["epochs"]
    # The optimizer also counts an epoch's last try, which finds the end of a dataset of unknown length.
    tries = values["epochs"] if values["model"] else 0
    assert 0 <= int(model.optimizer.iterations.numpy()) - steps <= tries
    if values["model"]:
        assert float(model.optimizer.learning_rate.numpy()) == 0.25
        assert int(variables["mine"].optimizer.iterations.numpy()) == 0
        learns_from_arrays_too(values, variables, line)

    code = recipes.get("data_parallel").code(line=line, **values)
    alone = on_one_device(code, values, variables)
    assert set(devices_of(alone)) <= {"CPU:0", ""}
    for ours, its in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(ours, its, atol=1e-5)
    refuses_a_batch_that_the_devices_cannot_share(code, values, variables)


def learns_from_arrays_too(values, variables, line):
    again = dict(variables)
    run(recipes.get("data_parallel").code(line=line, **{**values, "x": "inputs", "y": "targets"}), again)
    assert set(devices_of(again["parallel"])) == {"CPU:0", "CPU:1"}
    assert int(again["parallel"].optimizer.iterations.numpy()) == 8 * values["epochs"]


def on_one_device(code, values, variables):
    again = {name: variables[name] for name in ("inputs", "targets", "pairs", "mine") if name in variables}
    before(values, again)
    run(code.replace("MirroredStrategy(devices)", "MirroredStrategy(devices[:1])"), again)
    assert again["strategy"].num_replicas_in_sync == 1
    return again["parallel" if values["model"] else "model"]


def refuses_a_batch_that_the_devices_cannot_share(code, values, variables):
    recipe = recipes.get("data_parallel")
    uneven = values["batch_size"] + 1
    assert "multiple" in recipe.problems({**values, "batch_size": uneven})["batch_size"]
    # Fewer GPUs than hoped for can make it uneven, too: the code looks again.
    with pytest.raises(ValueError, match="multiple of"):
        run(code.replace(f"batch_size = {values['batch_size']}", f"batch_size = {uneven}"), dict(variables))


def run(code, variables):
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code, "<again>", "exec"), variables)  # noqa: S102
