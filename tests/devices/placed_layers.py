"""What `nbkeras.on_device` and `nbkeras.placement` promise, on one Keras line and two logical CPUs.

A program, as devices are divided before TensorFlow's first use of them. CPU:1 stands for a second GPU.
"""

# ruff: noqa: E402 - the line of Keras and the devices are chosen first

from __future__ import annotations

import os
import random
import sys
import warnings

os.environ["TF_USE_LEGACY_KERAS"] = sys.argv[1]
IS_KERAS_3 = sys.argv[1] == "0"

import numpy as np

import nbkeras
from nbkeras.devices.logical_cpus import logical_cpus
from nbkeras.devices.placing.wrapping import devices_of

logical_cpus(2)
import tensorflow as tf

keras = tf.keras
layers = keras.layers
X = np.random.default_rng(0).normal(size=(16, 5, 4)).astype("float32")
WORDS = np.random.default_rng(1).integers(0, 4, (16, 5))
Y = X[:, 0, :1]


def plain(layer, device, **_):
    return layer


def trained(make, x, on, **options):
    """Return a model that trained two epochs, its layers put on devices by ``on``."""
    keras.utils.set_random_seed(1)
    model = make(on)
    model.compile(keras.optimizers.SGD(0.1), "mse", **options)
    model.fit(x, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    return model


def alike(make, x, **options):
    """The model trains as the one without wrappers does, and their weights can be exchanged."""
    model, other = trained(make, x, nbkeras.on_device, **options), trained(make, x, plain, **options)
    for ours, its in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, its, atol=2e-6)
    other.set_weights(model.get_weights())
    np.testing.assert_allclose(other(x), model(x), atol=1e-6)
    return model


def refused(words, action):
    try:
        action()
    except nbkeras.Refusal as refusal:
        text = str(refusal)
    else:
        raise AssertionError(f"not refused: {words}")
    assert words in text
    assert "\n" not in text


def row(placement, name):
    return next(each for each in placement.layers if each.name == name)


def functional(on):
    """A shared LSTM for two inputs on two devices, as in the FAQ, among layers with masks and losses."""
    one, other = keras.Input((5,), dtype="int32"), keras.Input((5,), dtype="int32")
    embed = on(layers.Embedding(4, 3, mask_zero=True, name="embed"), "CPU:1")
    shared = layers.LSTM(4, return_sequences=True, name="shared")
    left = on(shared, "CPU:1")(embed(one))
    right = on(shared, "CPU:0")(embed(other))
    both, _ = on(layers.MultiHeadAttention(2, 3, name="attend"), "CPU:1")(
        left, right, return_attention_scores=True
    )
    flat = layers.GlobalAveragePooling1D(name="flat")(both)
    dense = layers.Dense(6, activity_regularizer="l2", kernel_regularizer="l2", name="dense")
    rest = [layers.BatchNormalization(), layers.Dropout(0.3, name="drop"), layers.Dense(1)]
    ends = keras.Sequential([keras.Input((6,)), *rest], name="ends")
    return keras.Model([one, other], ends(on(dense, "CPU:1")(flat)))


def check_a_functional_model_with_a_shared_layer():
    x = [WORDS, WORDS[:, ::-1]]
    model = alike(functional, x)
    before = [state(model), random.getstate(), np.random.get_state()[1].tolist()]  # noqa: NPY002
    placement = nbkeras.placement(model)
    assert before == [state(model), random.getstate(), np.random.get_state()[1].tolist()]  # noqa: NPY002
    on_one = {"embed_on_cpu_1", "shared_on_cpu_1", "attend_on_cpu_1", "dense_on_cpu_1"}
    for name in on_one:
        each = row(placement, name)
        assert set(each.variables) == set(each.forward) == set(each.gradients) == {"CPU:1"}, each
    second = row(placement, "shared_on_cpu_0")
    assert (set(second.variables), set(second.forward), set(second.gradients)) == (
        {"CPU:1"},
        {"CPU:0"},
        {"CPU:0"},
    ), second
    assert [each.name for each in placement.layers if each.is_apart] == ["shared_on_cpu_0"]
    assert "variables on CPU:1, operations on CPU:0" in placement.notes[0]
    assert {"flat", "ends/drop"} <= {each.name for each in placement.layers}
    assert placement.devices == ("CPU:0", "CPU:1")
    assert str(placement).splitlines()[0].split() == [
        "layer",
        "class",
        "variables",
        "operations",
        "gradients",
    ]

    model.save("shared.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = keras.models.load_model("shared.keras")
    inner = [loaded.get_layer(name).layer for name in ("shared_on_cpu_1", "shared_on_cpu_0")]
    assert inner[0] is inner[1]
    assert devices_of(inner[0].weights) == {"CPU:1"}
    np.testing.assert_array_equal(loaded(x), model(x))
    assert [weight.tolist() for weight in loaded.get_weights()] == [w.tolist() for w in model.get_weights()]


def state(model):
    """Everything that a step of training moves, as lists."""
    optimizer = model.optimizer.variables
    held = [*model.variables, *(optimizer() if callable(optimizer) else optimizer)]
    held += [each for metric in model.metrics for each in metric.variables]
    return [np.asarray(getattr(each, "value", each) if IS_KERAS_3 else each).tolist() for each in held]


class Noisy(layers.Layer):
    """A layer of layers, without a build of its own, that adds a loss by itself."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense, self.norm, self.drop = layers.Dense(3), layers.BatchNormalization(), layers.Dropout(0.5)

    def call(self, inputs):
        outputs = self.drop(self.norm(self.dense(inputs)))
        self.add_loss(0.1 * tf.reduce_mean(outputs**2))
        return outputs


class Own(keras.Model):
    def __init__(self, on):
        super().__init__()
        self.noisy, self.end = on(Noisy(name="noisy"), "CPU:1"), layers.Dense(1)

    def call(self, inputs):
        return self.end(self.noisy(inputs))


def check_a_subclassed_model():
    model = alike(Own, X[:, 0])
    assert devices_of(model.noisy.weights) == {"CPU:1"}
    assert devices_of(model.end.weights) == {"CPU:0"}
    model(X[:, 0])
    losses = [float(loss) for loss in model.losses]
    each = row(nbkeras.placement(model, X[:2, 0]), "noisy_on_cpu_1")
    assert [float(loss) for loss in model.losses] == losses
    assert len(losses) == 1
    assert set(each.forward) == set(each.gradients) == {"CPU:1"}


def check_that_measuring_changes_nothing_of_what_comes():
    def make(on):
        noisy = [layers.Dense(6), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(1)]
        return keras.Sequential([keras.Input((4,)), *noisy])

    states = []
    for measures in (False, True):
        model = trained(make, X[:, 0], plain)
        if measures:
            nbkeras.placement(model)
        model.fit(X[:, 0], Y, epochs=2, verbose=0)
        states.append(state(model))
    assert states[0] == states[1]


class InCall(layers.Dense):
    """A layer that enters tf.device where it computes."""

    def call(self, inputs):
        with tf.device("CPU:1"):
            return super().call(inputs)


def check_what_plain_tensorflow_places():
    inputs = keras.Input((4,))
    with tf.device("CPU:1"):
        outputs = layers.Dense(3, name="around")(inputs)
    outputs = nbkeras.on_device(layers.Dense(50, name="wrapped"), "CPU:1")(InCall(3, name="in_call")(outputs))
    model = keras.Model(inputs, layers.Dense(1)(outputs))
    model.compile("adam", "mse")
    model.fit(X[:, 0], Y, verbose=0)
    placement = nbkeras.placement(model)
    around, inside = row(placement, "around"), row(placement, "in_call")
    assert (set(around.variables), set(around.forward), set(around.gradients)) == (
        {"CPU:1"},
        {"CPU:0"},
        {"CPU:0"},
    )
    assert (set(inside.variables), set(inside.forward), set(inside.gradients)) == (
        {"CPU:0"},
        {"CPU:1"},
        {"CPU:0"},
    )
    # Adam's two variables for each weight of the wrapped layer: 200 weights of 4 bytes.
    there = placement.optimizer.get("CPU:1", 0)
    assert there == 0 if IS_KERAS_3 else there >= 2 * 200 * 4, placement.optimizer
    assert keras.utils.get_registered_object("nbkeras>OnDevice") is nbkeras.OnDevice


def check_sequential_models():
    def make(on):
        inner = keras.Sequential([layers.Dense(3, activity_regularizer="l2"), layers.Dropout(0.2)], name="in")
        return keras.Sequential([keras.Input((4,)), on(inner, "CPU:1"), layers.Dense(1)])

    model = alike(make, X[:, 0])
    assert devices_of(model.layers[0].weights) == {"CPU:1"}
    wrapper = model.layers[0]
    wrapper.trainable = False
    assert len(model.trainable_weights) == 2
    eager = alike(lambda on: keras.Sequential([on(layers.Dense(1), "CPU:1")]), X[:, 0], run_eagerly=True)
    assert devices_of(eager.weights) == {"CPU:1"}
    assert nbkeras.placement(eager).layers[0].is_apart is False
    half = nbkeras.on_device(layers.Dropout(0.5), "CPU:1")
    assert not np.asarray(half(np.ones((2, 100), "float32"), training=True)).all()
    assert np.asarray(half(np.ones((2, 100), "float32"))).all()
    # Double precision stays double, and gradients of gradients are there.
    exact = nbkeras.on_device(layers.Dense(2, dtype="float64", activation="tanh"), "CPU:1")
    x = tf.constant(X[:2, 0], "float64")
    slopes = []
    for each in (exact, exact.layer):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(each(x) ** 2)
            slope = tape.gradient(y, x)
        slopes.append(outer.gradient(slope, x).numpy())
    assert slopes[0].dtype == np.float64
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-12)


def check_built_layers_and_loading_elsewhere():
    inputs = keras.Input((4,))
    encoder = keras.Model(inputs, layers.Dense(3)(inputs), name="encoder")
    refused("give  copy=True  for a copy", lambda: nbkeras.on_device(encoder, "CPU:1"))
    copied = nbkeras.on_device(encoder, "CPU:1", copy=True)
    assert (devices_of(encoder.weights), devices_of(copied.weights)) == ({"CPU:0"}, {"CPU:1"})
    np.testing.assert_array_equal(copied(X[:, 0]), encoder(X[:, 0]))
    nbkeras.on_device(encoder, "CPU:0")
    # A file from a machine with more devices.
    far = nbkeras.OnDevice(layers.Dense(1, name="far"), "GPU:5", or_else="CPU:1", name="far")
    model = keras.Sequential([keras.Input((4,)), far])
    model.save("far.keras")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        loaded = keras.models.load_model("far.keras")
    assert any("far: this machine has no GPU:5: CPU:0 takes its place" in str(each.message) for each in said)
    assert loaded.layers[-1].get_config()["device"] == "GPU:5"
    np.testing.assert_allclose(loaded(X[:, 0]), model(X[:, 0]), atol=1e-6)


def check_refusals():
    dense = layers.Dense(1)
    refused(
        "expected one that is there (CPU:0, CPU:1), received GPU:1", lambda: nbkeras.on_device(dense, "GPU:1")
    )
    refused("%devices --logical-cpus 8", lambda: nbkeras.on_device(dense, "cpu:7"))
    refused("received 'gpu'", lambda: nbkeras.on_device(dense, "gpu"))
    refused("received 1", lambda: nbkeras.on_device(dense, 1))
    refused("type  %strategy tpu", lambda: nbkeras.on_device(dense, "TPU:0"))
    refused("expected a layer or a model, received str", lambda: nbkeras.on_device("dense", "CPU:1"))
    refused("which is on CPU:1", lambda: nbkeras.on_device(nbkeras.on_device(dense, "CPU:1"), "CPU:0"))
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        refused("%strategy none", lambda: nbkeras.on_device(dense, "CPU:1"))
    refused("expected a model, received int", lambda: nbkeras.placement(3))
    unbuilt = keras.Sequential([layers.Dense(1)])
    refused("call it once", lambda: nbkeras.placement(unbuilt))
    built = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    refused("received one that it can't compute", lambda: nbkeras.placement(built, X[:, 0, :3]))
    refused("received a Dataset", lambda: nbkeras.placement(built, tf.data.Dataset.from_tensors(X)))
    # The plain code shows the same devices.
    from nbkeras.devices.placing.plain import plain_code

    code = plain_code("built", built)
    assert "nbkeras" not in code
    printed = []
    exec(code, {"built": built, "print": lambda *words: printed.append(words)})  # noqa: S102 - our own code
    assert {each[0] for each in printed} == {"CPU:0"}, printed
    assert any("MatMul" in each[1] for each in printed), printed


if __name__ == "__main__":
    for name, check in list(globals().items()):
        if name.startswith("check_") and (not sys.argv[2:] or sys.argv[2] in name):
            check()
            print(name)  # noqa: T201 - the test reads it
