"""A model with all that makes it hard to wrap: a shared layer, masks, and a layer of several inputs."""

from __future__ import annotations

import numpy as np

SETUP = """
import numpy as np
import tensorflow as tf
from tensorflow import keras
rng = np.random.default_rng(1)
words, others = rng.integers(0, 3, (2, 64, 5))
pairs = tf.data.Dataset.from_tensor_slices(((words, others), words.sum(axis=1) / 5)).batch(16)
left, right = keras.Input((5,)), keras.Input((5,))
embed = keras.layers.Embedding(3, 4, mask_zero=True, name="embed")
shared = keras.layers.LSTM(4, return_sequences=True, name="shared")
one, other = shared(embed(left)), shared(embed(right))
both = keras.layers.MultiHeadAttention(2, 3, name="attend")(one, other)
own = keras.layers.MultiHeadAttention(2, 3, name="itself")(one, value=one)
mean = keras.layers.GlobalAveragePooling1D()
ends = keras.layers.concatenate([mean(both), mean(own), keras.layers.LSTM(3, name="last")(other)])
mine = keras.Model([left, right], keras.layers.Dense(1, name="end")(ends))
mine.compile(keras.optimizers.SGD(0.1), loss="mse")
"""


def computes_and_learns_alike(variables, again):
    """From the same weights both models predict the same and learn the same."""
    mine = variables["mine"]
    mine.set_weights(again.get_weights())
    pair = [variables["words"], variables["others"]]
    np.testing.assert_allclose(again.predict(pair, verbose=0), mine.predict(pair, verbose=0), atol=1e-6)
    before = mine.get_weights()
    for model in (mine, again):
        model.fit(variables["pairs"], epochs=2, shuffle=False, verbose=0)
    for ours, its, was in zip(again.get_weights(), mine.get_weights(), before, strict=True):
        np.testing.assert_allclose(ours, its, atol=1e-6)
        # The biases of attention's keys have no effect.
        assert was.shape == (2, 3) or not np.array_equal(its, was)
