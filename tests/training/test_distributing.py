"""MirroredStrategy by nbkeras on 2 and 4 logical CPUs: equal to one device, and refused where Keras fails."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = sys.argv[1]
import numpy as np
import nbkeras
from nbkeras.devices import strategies
from nbkeras.devices.logical_cpus import logical_cpus

count = int(sys.argv[2])
names = logical_cpus(count)
listed = ", ".join(names)
import tensorflow as tf

# As in a notebook.
tf.get_logger().setLevel("INFO")
keras = tf.keras
is_keras_3 = sys.argv[1] == "0"
x = np.random.default_rng(0).random((66, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)


def made(*more, optimizer=None, **options):
    keras.utils.set_random_seed(3)
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="tanh"), *more, keras.layers.Dense(1)]
    model = keras.Sequential(layers, name="small")
    model.compile(optimizer or keras.optimizers.SGD(0.1), "mse", **options)
    return model


def weights(model):
    return np.concatenate([each.ravel() for each in model.get_weights()])


def trained(samples, **options):
    with nbkeras.fitting(quiet=True, epochs=3, batch_size=32, **options) as session:
        model = made()
        model.fit(x[:samples], y[:samples], shuffle=False)
    return weights(model), session.run.notes


def refused(words, action):
    try:
        action()
    except nbkeras.Refusal as refusal:
        assert words in str(refusal) and "\\n" not in str(refusal), refusal
        assert not tf.distribute.has_strategy() or strategies.current()
    else:
        raise AssertionError(f"not refused: {words}")


# Equal to one device, also with a last batch that is smaller and shared evenly.
one, notes = trained(64)
assert not any("replica" in note for note in notes), notes
several, notes = trained(64, strategy="mirrored")
assert f"{count} replicas: each takes {32 // count} samples of a batch of 32" in notes, notes
assert np.abs(one - several).max() < 1e-6
assert not tf.distribute.has_strategy()
# Half precision goes with it, and is measured with both replicas.
for word in ("float16", "auto"):
    with nbkeras.fitting(quiet=True, strategy="mirrored", mixed_precision=word) as session:
        model = made()
        model.fit(x[:64], y[:64])
    (note,) = [note for note in session.run.notes if "--mixed-precision" in note]
    assert "2 layers in float16, and the loss is scaled" in note or "ms a step here, float32 " in note, note
print(strategies.use("mirrored"))
assert np.abs(trained(60)[0] - trained(60, strategy="none")[0]).max() < 1e-6


def padded(*, metrics=("mae",), **options):
    with nbkeras.fitting(quiet=True, epochs=2, batch_size=32, **options) as session:
        model = made(metrics=list(metrics))
        history = model.fit(x[:65], y[:65], shuffle=False).history
    return np.concatenate([weights(model), history["loss"], history["mae"]])


# Also with one that is not, where it goes whole to each replica.
assert np.abs(padded(pad=True) - padded(strategy="none")).max() < 1e-6


def batches_of_8():
    return ((x[at : at + 8], y[at : at + 8]) for at in range(0, 64, 8))


def of_generator(**options):
    with nbkeras.fitting(quiet=True, **options) as session:
        model = made(metrics=["mae"])
        model.fit(batches_of_8())
        tested = model.evaluate(batches_of_8())
        validated = model.fit(x[:64], y[:64], shuffle=False, validation_data=batches_of_8()).history
    assert session.runs[0].progress.done == 8, session.runs[0].progress
    return np.concatenate([weights(model), tested, validated["val_loss"], validated["val_mae"]])


# All batches of a generator, of which Keras 3 by itself loses some in learning their shapes.
assert np.abs(of_generator() - of_generator(strategy="none")).max() < 1e-6


def aligned(array):
    # TensorFlow takes such an array for a tensor as it is.
    memory = np.zeros(array.nbytes + 64, "uint8")
    start = -memory.ctypes.data % 64
    made = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    made[:] = array
    return made


class Batches(getattr(keras.utils, "PyDataset", keras.utils.Sequence)):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return x[index * 32 : index * 32 + 32], targets[index * 32 : index * 32 + 32]


def from_python(data):
    with nbkeras.fitting(quiet=True) as session:
        model = made()
        model.fit(data, epochs=2, shuffle=False)
        model.evaluate(data)
    return weights(model), session.run.notes


# Replicas on CPUs write into arrays that a PyDataset gives views of.
targets = aligned(y[:64])
spec = tuple(tf.TensorSpec((None, each.shape[1])) for each in (x, y))
sequence = Batches()
piped = tf.data.Dataset.from_generator(lambda: (sequence[at] for at in range(2)), output_signature=spec)
for data in (sequence, piped) if count == 4 else (sequence,):
    found, notes = from_python(data)
    assert np.array_equal(targets, y[:64])
    assert any("batches from Python are copied" in note for note in notes), notes
    assert type(sequence) is Batches
    with strategies.under("none"):
        assert np.abs(found - from_python(data)[0]).max() < 1e-6
# A cell's own choice of the notebook's kind is the notebook's strategy.
again = strategies.current().strategy
with strategies.under("mirrored"):
    assert tf.distribute.get_strategy() is again
with strategies.under("one"):
    assert tf.distribute.get_strategy().num_replicas_in_sync == 1
assert tf.distribute.get_strategy() is again
assert strategies.strategy_of("mirrored", names).strategy is again

# A last batch that is not shared evenly trains, otherwise than on one device: that is said.
uneven, notes = trained(65)
(note,) = [note for note in notes if "the last batch, of 1, can't be shared evenly" in note]
assert "64 samples in all would be shared evenly" in note
assert np.abs(uneven - trained(65, strategy="none")[0]).max() > 1e-3


def fit(model, samples=64, **arguments):
    with nbkeras.fitting(quiet=True) as session:
        model.fit(x[:samples], y[:samples], **arguments)
    return session.run.notes


before = weights(model := made())
of_33 = tf.data.Dataset.from_tensor_slices((x[:33], y[:33])).batch(64)


def call(method, *data, **arguments):
    with nbkeras.fitting(quiet=True) as session:
        getattr(model, method)(*data, verbose=0, **arguments)
    return session.run.notes


refused(f"batch_size: expected a multiple of the {count} replicas", lambda: fit(model, batch_size=33))
if is_keras_3:
    refused(f"that {count} replicas can share evenly, received 1 sample: give {count}", lambda: fit(model, 1))
    refused("steps_per_execution=1", lambda: fit(made(steps_per_execution=2)))
    odd = (x[:33], y[:33])
    text = f"validation: expected a first batch that {count} replicas can share evenly, received 33 samples"
    refused(f"{text}: give 32", lambda: fit(model, batch_size=64, validation_data=odd))
    refused("received 3 samples: give", lambda: fit(model, validation_split=0.046))
    if count == 2:
        with nbkeras.fitting(quiet=True, strategy="none"):
            optimizer, metric = keras.optimizers.SGD(0.1), keras.metrics.MeanAbsoluteError(name="own")
            unbuilt = keras.Sequential([keras.layers.Dense(1)], name="unbuilt")
            unbuilt.compile("sgd", "mse")
        text = "an optimizer that was made under the strategy of its model, with 2 replicas, received '"
        refused(f"fit: expected {text}", lambda: fit(made(optimizer=optimizer)))
        refused("with 2 replicas, received 'unbuilt', which was made outside of it", lambda: fit(unbuilt))
        for option in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
            other = keras.optimizers.Adam(use_ema=True, **{"ema_overwrite_frequency": None, option: 2})
            refused(f"with {option}=None, which is all that Keras 3", lambda: fit(made(optimizer=other)))
        refused("received 'own', which was made outside of it", lambda: padded(pad=True, metrics=[metric]))
    # Of a dataset, too.
    text = f"that {count} replicas can share evenly, received 33 samples: give "
    refused(f"fit: expected a first batch {text}", lambda: call("fit", of_33))
    refused(f"evaluate: expected a first batch {text}", lambda: call("evaluate", of_33.map(lambda *two: two)))
    refused(f"validation: expected a first batch {text}32", lambda: fit(model, validation_data=of_33))
assert np.array_equal(before, weights(model))
fit(model, batch_size=16)
uneven = tf.data.Dataset.from_tensor_slices((x[:65], y[:65]))
notes = call("fit", uneven.batch(32).prefetch(1))
assert any("the last batch, of 1, can't be shared evenly" in note for note in notes), notes
assert not [note for note in call("fit", uneven.batch(32, drop_remainder=True)) if "shared evenly" in note]
batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(33)


def fit_batches():
    with nbkeras.fitting(quiet=True):
        model.fit(batches)


refused(f"received 33: give  32 or {32 + count}", fit_batches)
(note,) = [n for n in fit(made(keras.layers.BatchNormalization(name="bn"))) if "synchronized" in n]
assert note.startswith("bn: each replica normalises by its own share"), note
assert not [n for n in fit(made(keras.layers.BatchNormalization(synchronized=True))) if "normalises" in n]

# Models of another strategy, or of none.
print(strategies.use("none"))
outside = made()


def under(kind, model):
    with nbkeras.fitting(quiet=True, strategy=kind):
        model.fit(x[:64], y[:64])


received = "received 'small', which was made"
refused(f"with {count} replicas, {received} outside of it", lambda: under("mirrored", outside))
refused(f"with 1 replica, {received} under another one", lambda: under("one", model))
if is_keras_3:
    under("one", outside)
else:
    refused(f"with 1 replica, {received} outside of it", lambda: under("one", outside))
under("none", outside)
fit(model)

# Devices that are not there hang in fit: they never come so far.
there = f"expected devices that are there ({listed})"
refused(f"{there}, received GPU:1", lambda: strategies.use("mirrored", ("GPU:1",)))
wrong = tf.distribute.MirroredStrategy(["CPU:0", "CPU:7"])


def under_it():
    with wrong.scope(), nbkeras.fitting(quiet=True):
        made().fit(x[:64], y[:64])


refused(f"{there.replace('devices', 'a strategy over devices')}, received one with CPU:7: type", under_it)
refused("%devices --logical-cpus 2", lambda: strategies.use("mirrored", ("CPU:0", "CPU:7")))
refused("expected one device, received 2", lambda: strategies.use("one", ("CPU:0", "CPU:1")))
refused("type  %tpu_connect  first", lambda: strategies.use("tpu"))
refused("type  %tpu_connect  first", lambda: under("tpu", outside))
refused("expected one or mirrored beside it", lambda: strategies.use("none", ("CPU:0",)))

# The plain code comes to the same.
from nbkeras.training.options import fit_options
from nbkeras.training.plain_code import plain_code

cell = "model = made()\\nhistory = model.fit(x[:64], y[:64], shuffle=False, verbose=0)\\n"
code = plain_code(cell, fit_options(strategy="mirrored", epochs=3, batch_size=32), globals())
assert "nbkeras" not in code, code
space = dict(globals())
exec(code, space)
assert np.array_equal(weights(space["model"]), several)
tf.distribute.experimental_set_strategy(None)

if is_keras_3:
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=["cpu:0"]))
    assert any("DataParallel does nothing on TensorFlow" in note for note in fit(outside))
"""


CASES = [("0", 2)]
if os.environ.get("GRID"):
    CASES += [("0", 4), ("1", 2), ("1", 4)]


@pytest.mark.parametrize(("legacy", "count"), CASES)
def test_mirrored_equals_one_device_and_refuses_what_fails(tmp_path, legacy, count):
    # A process of its own: devices are divided before TensorFlow's first use of them.
    command = [sys.executable, "-c", SCRIPT, legacy, str(count)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    names = ", ".join(f"CPU:{number}" for number in range(count))
    share = f"each takes 1/{count} of a batch: 32 samples of {32 * count}"
    assert done.stdout.splitlines() == [
        f"mirrored on {names}: {count} replicas, {share}",
        "no strategy: models train on TensorFlow's first device",
    ]
    # TensorFlow's warnings come, and not a line of each reduction.
    assert "Reduce to" not in done.stderr
    assert "Using MirroredStrategy" not in done.stderr
