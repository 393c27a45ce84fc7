"""Blocks thawed one by one within a fit: as if each had an optimizer that begins when it is thawed."""

from __future__ import annotations

import importlib
import itertools
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import nbkeras
from nbkeras.callbacks import open_runs
from nbkeras.models.gradual_unfreezing import gradual_unfreezing_class

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(16, 4)).astype("float32")
Y = RANDOM.normal(size=(16, 2)).astype("float32")


@pytest.fixture(params=["keras", "tf_keras"])
def keras(request, monkeypatch):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(request.param == "tf_keras")))
    return importlib.import_module(request.param)


def made(keras):
    keras.utils.set_random_seed(1)
    layers = keras.layers
    low = [layers.Dense(3, name="low", activation="tanh"), layers.BatchNormalization(name="norm")]
    base = keras.Sequential([keras.Input((4,)), *low, layers.Dense(3, name="high")], name="base")
    return keras.Sequential([keras.Input((4,)), base, layers.Dense(2, name="head")], name="whole")


def unfreezing(keras, **options):
    return gradual_unfreezing_class(keras.__name__)(**options)


def weights(model):
    base = model.get_layer("base")
    layers = [base.get_layer("low"), base.get_layer("norm"), base.get_layer("high"), model.get_layer("head")]
    return {layer.name: layer for layer in layers}


def values(model):
    return {name: [np.array(each) for each in layer.get_weights()] for name, layer in weights(model).items()}


def same(one, other):
    return all((a == b).all() for a, b in zip(one, other, strict=True))


def fitted(keras, model, optimizer, callbacks, epochs=3, **options):
    model.compile(optimizer, "mse")
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks, **options)
    return model


def test_it_trains_as_with_an_optimizer_for_each_block_that_begins_when_it_is_thawed(keras):
    def new():
        return keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=0.01)

    model, hand = made(keras), made(keras)
    thaw = unfreezing(keras)
    fitted(keras, model, new(), [thaw])
    assert thaw.thawed == 2
    trained = [["head"], ["head", "high"], ["head", "high", "low"]]
    layers, own = weights(hand), {}
    layers["norm"].trainable = False
    for names in trained:
        for at in (0, 8):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((hand(X[at : at + 8], training=True) - Y[at : at + 8]) ** 2)
            pairs = {name: layers[name].trainable_variables for name in names}
            gradients = tape.gradient(loss, pairs)
            for name in names:
                optimizer = own.setdefault(name, new())
                optimizer.apply_gradients(list(zip(gradients[name], pairs[name], strict=True)))
    for name, arrays in values(hand).items():
        for received, expected in zip(values(model)[name], arrays, strict=True):
            np.testing.assert_allclose(received, expected, atol=1e-6)
    assert all(each.trainable for each in weights(model).values())


@pytest.mark.parametrize("name", ["AdamW", "Ftrl"])
def test_what_is_frozen_is_bit_identical_and_what_is_thawed_moves(keras, name):
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(values(self.model))

    model = made(keras)
    # Decay and slots would move frozen weights, if they had any.
    optimizer = getattr(keras.optimizers, name)(0.01, weight_decay=0.1)
    fitted(keras, model, optimizer, [Look(), unfreezing(keras, every=2, batch_norm=True)], epochs=6)
    seen.append(values(model))
    moved = [
        {layer for layer in before if not same(before[layer], after[layer])}
        for before, after in itertools.pairwise(seen)
    ]
    head, high = {"head"}, {"head", "high"}
    assert moved == [head, head, high, high, high | {"low", "norm"}, high | {"low", "norm"}]


def test_what_the_user_has_frozen_stays_so_and_rates_by_layer_go_with_it(keras):
    model = made(keras)
    weights(model)["low"].trainable = False
    before = values(model)
    optimizer = nbkeras.layer_rates(keras.optimizers.Adam(0.01), model, {"high": 0.1})
    fitted(keras, model, optimizer, [unfreezing(keras)], epochs=4)
    after = values(model)
    assert same(before["low"], after["low"])
    assert same(before["norm"], after["norm"])
    assert not same(before["high"], after["high"])
    assert [each.trainable for each in weights(model).values()] == [False, True, True, True]


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_a_backup_goes_on_in_the_midst(keras, tmp_path, capsys):
    class Stop(keras.callbacks.Callback):
        def __init__(self, step):
            super().__init__()
            self.left = step

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    def run(folder, step):
        backup = nbkeras.ExactBackup(tmp_path / folder, 1)
        model = made(keras)
        optimizer = keras.optimizers.Adam(0.01)
        return fitted(keras, model, optimizer, [backup, unfreezing(keras), Stop(step)])

    whole = run("whole", 99)
    with pytest.raises(KeyboardInterrupt):
        run("parts", 4)
    again = run("parts", 99)
    assert all(same(values(whole)[name], values(again)[name]) for name in values(whole))
    capsys.readouterr()


def noisy(keras, kind):
    keras.utils.set_random_seed(1)
    layers = keras.layers
    low = [layers.Dense(3, name="low"), layers.BatchNormalization(), layers.Dropout(0.4)]
    base = keras.Sequential([keras.Input((4,)), *low, layers.Dense(3, name="high")], name="base")
    inner = [keras.Input((4,)), base, layers.GaussianNoise(0.2), layers.Dense(2, name="head")]
    model = kind(inner, name="whole")
    # Without a graph each step can be counted.
    model.compile(keras.optimizers.Adam(0.01), "mse", run_eagerly=True)
    return model


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_replayed_steps_are_not_trained_and_random_layers_go_on(keras, tmp_path, capsys):
    """Eight steps an epoch, ended by an error in the second one, whose beginning thaws a block."""
    steps = []

    class Counting(keras.Sequential):
        def train_step(self, data):
            steps.append(1)
            return super().train_step(data)

    class Fail(keras.callbacks.Callback):
        def __init__(self, left):
            super().__init__()
            self.left = left

        def on_train_batch_end(self, batch, logs=None):
            self.left -= 1
            if not self.left:
                raise ZeroDivisionError

        def get_state(self):
            return {}

        def set_state(self, state):
            pass

    def run(folder, left):
        model = noisy(keras, Counting)
        callbacks = [nbkeras.ExactBackup(tmp_path / folder, 1), unfreezing(keras), Fail(left)]
        history = model.fit(
            X, Y, batch_size=2, epochs=3, shuffle=False, verbose=0, callbacks=callbacks
        ).history
        return history, model.get_weights()

    whole = run("whole", 99)
    with pytest.raises(ZeroDivisionError):
        run("parts", 13)
    assert len(steps) == 24 + 13
    again = run("parts", 99)
    assert again[0] == whole[0]
    assert same(again[1], whole[1])
    # The last step that failed has no backup: one step to make what the first step makes, and all but twelve.
    assert len(steps) == 24 + 13 + 1 + 24 - 12
    capsys.readouterr()


KILLED = """
import os, signal, sys
os.environ["TF_USE_LEGACY_KERAS"] = sys.argv[1]
import numpy as np, tensorflow as tf, nbkeras
keras = tf.keras
layers = keras.layers
if sys.argv[1] == "1":
    # Without it, ExactBackup says that Dropout is not exact.
    keras.backend.experimental.enable_tf_random_generator()
keras.utils.set_random_seed(1)
tf.config.experimental.enable_op_determinism()
x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")

class Kill(keras.callbacks.Callback):
    left = int(sys.argv[3])

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

low = [layers.Dense(6, name="low", activation="relu"), layers.BatchNormalization(), layers.Dropout(0.4)]
base = keras.Sequential([keras.Input((4,)), *low, layers.Dense(3, name="high")], name="base")
model = keras.Sequential([keras.Input((4,)), base, layers.GaussianNoise(0.2), layers.Dense(2)])
rate = nbkeras.cosine_with_warmup(0.05, 4, 12)
model.compile(nbkeras.layer_rates(keras.optimizers.AdamW(rate), model, {"low": 0.1}), "mse")
data = tf.data.Dataset.from_tensor_slices((x, x[:, :2])).shuffle(48, seed=3).batch(4)
callbacks = [nbkeras.ExactBackup(sys.argv[2], 1), nbkeras.GradualUnfreezing(), Kill()]
history = model.fit(data, epochs=4, verbose=0, callbacks=callbacks).history
print("TOLD", history["loss"], [each.tobytes().hex() for each in model.get_weights()])
"""


@pytest.mark.costly
@pytest.mark.parametrize("legacy", ["0", "1"])
def test_killed_in_the_midst_of_a_thawed_epoch_it_ends_as_if_it_had_not_been(tmp_path, legacy):
    def run(folder, step):
        command = [sys.executable, "-c", KILLED, legacy, str(tmp_path / folder), str(step)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
        return done.returncode, done.stdout.rpartition("TOLD")[2] or done.stderr[-3000:]

    # Twelve steps an epoch: the second block is thawed with the third one.
    assert run("parts", 30)[0] == -signal.SIGKILL
    assert run("parts", 4)[0] == -signal.SIGKILL
    parts, whole = run("parts", 0), run("whole", 0)
    assert whole[0] == 0, whole[1]
    assert parts == whole


@pytest.mark.parametrize(
    "keras", ["keras", pytest.param("tf_keras", marks=pytest.mark.costly)], indirect=True
)
def test_an_interrupt_leaves_no_layer_frozen_for_the_next_training(keras):
    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = made(keras)
    with pytest.raises(KeyboardInterrupt):
        fitted(keras, model, "sgd", [unfreezing(keras), Interrupt()])
    thaw = unfreezing(keras)
    fitted(keras, model, "sgd", [thaw])
    assert thaw.thawed == 2
    with pytest.raises(KeyboardInterrupt):
        fitted(keras, model, "sgd", [thaw, Interrupt()])
    # As at the end of a notebook's cell.
    open_runs.close_abandoned(None)
    assert all(each.trainable for each in weights(model).values())


def test_what_cannot_go_well_is_refused(keras):
    with pytest.raises(nbkeras.Refusal, match="received 0"):
        unfreezing(keras, every=0)
    model = made(keras)
    with pytest.raises(nbkeras.Refusal, match="received use_ema=True"):
        fitted(keras, model, keras.optimizers.SGD(0.1, use_ema=True), [unfreezing(keras)])
    model = made(keras)
    model.get_layer("base").trainable = False
    optimizer = keras.optimizers.SGD(0.1)
    fitted(keras, model, optimizer, [])
    for each in weights(model).values():
        each.trainable = True
    model.get_layer("base").trainable = True
    with pytest.raises(nbkeras.Refusal, match="SGD that has trained fewer"):
        fitted(keras, model, optimizer, [unfreezing(keras)])


def test_a_block_that_was_frozen_before_is_refused_and_not_passed_over(keras):
    model = made(keras)
    model.get_layer("base").trainable = False
    thaw = unfreezing(keras)
    with pytest.raises(nbkeras.Refusal, match="received 'high' frozen: set  trainable = True  on its layers"):
        fitted(keras, model, "sgd", [thaw])
    assert not any(each.trainable for name, each in weights(model).items() if name != "head")
