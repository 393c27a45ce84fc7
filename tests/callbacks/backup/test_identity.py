"""Another model, optimizer, loss or other data are told from the backup's; the same made anew are not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nbkeras.callbacks.backup.data_form import data_difference, drawn_otherwise, form_of
from nbkeras.callbacks.backup.identity import difference, form_difference, identity_of, layers_of


def stored(identity):
    return json.loads(json.dumps(identity))


@pytest.fixture
def make(keras):
    """Make a functional model; each option is one thing that may be another."""

    def make(*, skip=False, factor=2.0, optimizer=None, loss="mse", metrics=("mae",), dtype=None, **dense):
        layers = keras.layers
        inputs = keras.layers.Input((6,))
        hidden = layers.Dense(6, dtype=dtype, **dense)(inputs)
        both = layers.Add()([layers.Dropout(0.2)(hidden), inputs if skip else hidden]) * factor
        model = keras.Model(inputs, layers.Dense(1)(both))
        given = {"loss_weights": [5.0]} if loss == "weighted" else {}
        optimizer = optimizer or keras.optimizers.Adam(0.01)
        model.compile(optimizer, "mse" if given else loss, metrics=list(metrics), **given)
        return model

    return make


def test_what_differs_is_named(keras, make):
    kinds, decay = keras.optimizers, keras.optimizers.schedules.ExponentialDecay

    class Own(keras.optimizers.schedules.LearningRateSchedule):
        """Says nothing of itself."""

        def __init__(self, rate):
            super().__init__()
            self.rate = rate

        def __call__(self, step):
            return self.rate

    regular = keras.regularizers.L2
    for first, second, words in [
        ({}, {"kernel_regularizer": regular(0.5)}, "kernel_regularizer=L2(l2=0.5), the backup's has"),
        (
            {"kernel_regularizer": regular(0.25)},
            {"kernel_regularizer": regular(0.5)},
            "layer 1 (Dense) with kernel_regularizer.l2=0.5, the backup's has kernel_regularizer.l2=0.25",
        ),
        ({}, {"kernel_constraint": keras.constraints.NonNeg()}, "kernel_constraint=NonNeg()"),
        ({}, {"dtype": "mixed_bfloat16"}, "'mixed_bfloat16'"),
        ({}, {"skip": True}, "Add of Dropout (call 3), an input (call 1), the backup's has Add of Dropout"),
        ({}, {"factor": 3.0}, "3.0"),
        (
            {"optimizer": kinds.SGD(decay(0.5, 3, 0.9))},
            {"optimizer": kinds.SGD(decay(0.5, 30, 0.9))},
            "the optimizer SGD with ExponentialDecay with decay_steps=30, the backup's has decay_steps=3",
        ),
        ({"optimizer": kinds.SGD(Own(0.5))}, {"optimizer": kinds.SGD(Own(0.25))}, "with Own with rate=0.25"),
        ({}, {"optimizer": kinds.Adam(0.01, beta_1=0.5)}, "the optimizer Adam with beta_1=0.5"),
        ({}, {"optimizer": kinds.Adam(0.5)}, "learning_rate=0.5, the backup's has learning_rate=0.01"),
        (
            {"loss": keras.losses.Huber(1.0)},
            {"loss": keras.losses.Huber(5.0)},
            "delta=5.0, the backup's has loss",
        ),
        ({}, {"loss": "weighted"}, "the model with loss_weights=[5.0], the backup's has loss_weights=None"),
        ({}, {"loss": "mae"}, "the loss mae, the backup's is mse"),
        ({}, {"metrics": ("mae", "mse")}, "metrics=['mae', 'mse'], the backup's has metrics=['mae']"),
    ]:
        said = difference(stored(identity_of(make(**first))), identity_of(make(**second)))
        assert words in said, (second, said)
        assert "\n" not in said


def squared(expected, received):
    return (expected - received) ** 2


def net_class(keras):
    layers = keras.layers

    class Late(layers.Layer):
        """Makes a layer when it is built, and says nothing of itself."""

        def __init__(self, function):
            super().__init__()
            self.function, self.first = function, layers.Dense(3)

        def build(self, shape):
            self.second = layers.Dense(2)
            self.built = True

        def call(self, x):
            return self.second(self.first(x))

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.late, self.last = Late(lambda x: x), layers.Dense(1)

        def call(self, x):
            return self.last(self.late(x))

    return Late, Net


def loss_class(keras):
    class Loss(keras.losses.Loss):
        def call(self, expected, received):
            return (expected - received) ** 2

    return Loss


@pytest.mark.costly("tf_keras")
def test_the_same_cell_run_again_is_the_same(keras):
    layers = keras.layers
    (late, net), loss = net_class(keras), loss_class(keras)

    def sequential():
        dense = layers.Dense(4, activation=lambda x: x * 2)
        return keras.Sequential(
            [dense, layers.LayerNormalization(), layers.Lambda(lambda x: x), late(len), layers.Dense(1)]
        )

    def functional():
        inputs = layers.Input((6,))
        norm = layers.Normalization(mean=np.arange(6.0), variance=np.ones(6))
        hidden = layers.Reshape((2, 4))(layers.Dense(8)(norm(inputs)))
        hidden = layers.Bidirectional(layers.LSTM(2))(layers.MultiHeadAttention(2, 4)(hidden, hidden))
        return keras.Model(inputs, layers.Dense(1)(hidden * 2.0))

    x = np.random.default_rng(0).random((8, 6)).astype("float32")
    compiled = [
        lambda: {"optimizer": "adam", "loss": squared, "metrics": ["mae", squared]},
        lambda: {"optimizer": "sgd", "loss": loss(), "metrics": [keras.metrics.MeanSquaredError()]},
        lambda: {"optimizer": "sgd", "loss": lambda a, b: (a - b) ** 2},
    ]
    for make, given in zip((net, sequential, functional), compiled, strict=True):
        found = []
        for _ in range(2):
            model = make()
            model.compile(**given())
            found.append(identity_of(model))
        # The cell that trains may be run alone, on what has been built by then.
        model.fit(x, x.sum(1, keepdims=True), verbose=0)
        found.append(identity_of(model))
        assert [difference(stored(one), other) for one in found for other in found] == [""] * 9
        assert layers_of(found[-1]) in {3, 6, 7, 8}


def test_variables_that_differ_are_told_in_words():
    theirs = {"metrics": [["total", []]], "model": [["kernel", [3, 1]]]}
    said = form_difference(theirs, {**theirs, "metrics": []})
    assert said == "other metrics: none in place 1, the backup has total, a number there"
    said = form_difference(theirs, {**theirs, "model": [["kernel", [2, 1]]]})
    assert said.startswith("other weights: kernel of shape (2, 1) in place 1, the backup has kernel")


def test_other_data_are_told(keras):
    import tensorflow as tf

    def data(shuffle=None, noise=2):
        rows = tf.data.Dataset.range(9).shuffle(9, seed=shuffle)
        return rows.map(lambda x: tf.cast(x, tf.float32) + tf.random.normal([], seed=noise)).batch(2)

    def forms(**given):
        return form_of({"x": given.pop("x", None), **given})

    tf.random.set_seed(None)
    first = stored(forms(x=data(1)))
    assert data_difference(first, forms(x=data(1))) == ""
    assert "of shuffle, the backup's are" in data_difference(first, forms(x=data(2)))
    assert "RandomStandardNormal in map" in data_difference(first, forms(x=data(1, noise=3)))
    # Keras itself shuffles arrays, and never a dataset.
    arrays = np.ones((4, 2))
    assert data_difference(forms(x=arrays, shuffle=False), forms(x=arrays, shuffle=True)) == (
        "shuffle=True, the backup's is False"
    )
    assert data_difference(first, forms(x=data(1), shuffle=True)) == ""
    # In words, the first thing first.
    batches = [tf.data.Dataset.from_tensor_slices((arrays, arrays[:, 0])).batch(size) for size in (1, 2)]
    assert data_difference(forms(x=batches[0]), forms(x=batches[1])) == (
        "data (x) of 2 batches of (any, 2) float64 and (any,) float64, the backup's is "
        "4 batches of (any, 2) float64 and (any,) float64"
    )
    assert data_difference(*(forms(x=each, batch_size=size) for size, each in enumerate(batches, 1))) == (
        "batch_size=2, the backup's is 1"
    )
    odd = tf.data.Dataset.from_tensors({"a": tf.ragged.constant([[1], [1, 2]]), "b": (arrays, (arrays, 1))})
    assert forms(x=odd.repeat())["x"] == (
        "batches without end of {a: (2, any) int32 (ragged), "
        "b: (4, 2) float64 and ((4, 2) float64 and () int32)}"
    )
    weights = [forms(x=arrays, class_weight={0: 1.0, 1: rare}) for rare in (2.0, 3.0)]
    assert data_difference(*weights) == "class_weight={0=1.0, 1=3.0}, the backup's is {0=1.0, 1=2.0}"
    # Seeds that TensorFlow draws from the one that was set are other ones in a cell that sets none.
    keras.utils.set_random_seed(1)
    drawn = [forms(x=data()) for _ in range(2)]
    assert data_difference(*drawn) == ""
    assert [line.partition(":")[0] for line in drawn_otherwise(*drawn)] == ["not exact"]
    keras.utils.set_random_seed(1)
    assert list(drawn_otherwise(drawn[0], forms(x=data()))) == []
    tf.random.set_seed(None)
