"""Layers of the user's whose random numbers cannot be kept are named; others are not."""

from __future__ import annotations

from nbkeras.callbacks.backup.drawing import stateful_draws
from nbkeras.callbacks.backup.sources import inexact_sources


def noise(x):
    import tensorflow as tf

    return x + tf.random.normal(tf.shape(x))


def test_what_draws_is_named(keras):
    import tensorflow as tf
    from tensorflow import random as tensorflow_random

    class Noise(keras.layers.Layer):
        def call(self, x):
            return self.helped(x) + tensorflow_random.uniform([])

        def helped(self, x):
            return next(tf.nn.dropout(each, 0.5) for each in [x])

    class Through(keras.layers.Layer):
        def call(self, x):
            return noise(x)

    class Net(keras.Model):
        def train_step(self, data):
            return super().train_step(tf.random.shuffle(data))

    class Silent(keras.layers.Layer):
        """Has numbers of its own, or none."""

        def __init__(self):
            super().__init__()
            self.generator = tf.random.Generator.from_seed(1)
            self.fixed = tf.random.normal([2])

        def call(self, x):
            return x + self.generator.normal([]) + tf.random.stateless_normal([], [1, 2])

    layers = [Noise(), Through(), Silent(), keras.layers.Dropout(0.5), keras.layers.Lambda(noise)]
    model = keras.Sequential([keras.layers.Input((2,)), *layers])
    assert set(stateful_draws(model)) == {
        ("Noise", "tf.random.uniform"),
        ("Noise", "tf.nn.dropout"),
        ("Through", "tf.random.normal"),
        ("Lambda", "tf.random.normal"),
    }
    inputs = keras.layers.Input((2,))
    net = Net(inputs, keras.layers.Dense(1)(inputs))
    [said] = inexact_sources({}, net)
    assert said.startswith("not exact: Net draws by tf.random.shuffle, whose state cannot be kept: draw by ")
