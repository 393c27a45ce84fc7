"""A trial leaves all random numbers as they would be without it, and has its own."""

from __future__ import annotations

import random

import numpy as np
import pytest
import tensorflow as tf

from nbkeras.training.custom_step.state import kept_randomness


def drawn(keras):
    """Return a number of each source; the two of TensorFlow have a seed of their own, and none."""
    numbers = [random.random(), np.random.rand()]  # noqa: NPY002, S311 - the global ones
    numbers += [tf.random.uniform([]).numpy(), tf.random.uniform([], seed=5).numpy()]
    numbers.append(float(tf.function(lambda: tf.random.uniform([]))()))
    if hasattr(keras, "random"):
        numbers.append(float(keras.random.uniform([], seed=keras.random.SeedGenerator(3))))
    return numbers


@pytest.mark.parametrize("seed", [1, 7])
def test_what_follows_is_what_it_would_be(keras, line, seed):
    def before():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        tf.random.set_seed(seed)
        return drawn(keras)

    expected = before(), drawn(keras), drawn(keras)
    found = [before()]
    with kept_randomness(line):
        once = drawn(keras)
    found.append(drawn(keras))
    with kept_randomness(line), kept_randomness(line):
        drawn(keras)
    found.append(drawn(keras))
    assert tuple(found) == expected
    assert once != expected[1]


def test_without_a_seed_of_the_users(keras, line, monkeypatch):
    """A process in which nobody has set one has no generator of seeds, either."""
    from tensorflow.python.eager import context

    eager = context.context()
    monkeypatch.setattr(eager, "_seed", None)
    monkeypatch.delattr(eager, "_rng", raising=False)
    with kept_randomness(line):
        assert 0 <= tf.random.uniform([]).numpy() < 1
    assert eager._seed is None
    assert not hasattr(eager, "_rng")
