"""What a pipeline draws is found wherever it stands, and nothing that goes on by itself."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from nbkeras.checks.random_operations import seeded_operations


@pytest.fixture(autouse=True)
def seeded():
    tf.random.set_seed(3)
    yield
    tf.random.set_seed(None)


def numbers():
    return tf.data.Dataset.range(8).map(lambda i: tf.cast(i, tf.float32))


def noisy(a):
    return a + tf.random.normal(())


def in_a_branch(a):
    return tf.cond(a > 0, lambda: a + tf.random.uniform(()), lambda: a)


def in_a_loop(a):
    return tf.while_loop(lambda b: b < 3, lambda b: b + tf.random.uniform((), 0.5), [a])[0]


@tf.function
def in_a_function(a):
    return in_a_branch(a)


def in_a_dataset(a):
    # Without a seed of its own, TensorFlow warns of the one that it has from outside.
    return tf.data.Dataset.from_tensors(a).map(lambda b: b + tf.random.normal((), seed=1))


FOUND = {
    "map": (lambda ds: ds.map(noisy).batch(2), "RandomStandardNormal in map"),
    "parallel": (lambda ds: ds.map(noisy, 2).prefetch(1), "RandomStandardNormal in parallel map"),
    "branch": (lambda ds: ds.map(in_a_branch), "RandomUniform in map"),
    "loop": (lambda ds: ds.map(in_a_loop), "RandomUniform in map"),
    "function": (lambda ds: ds.map(in_a_function), "RandomUniform in map"),
    "filter": (lambda ds: ds.filter(lambda _: tf.random.uniform(()) > 0.5), "RandomUniform in filter"),
    "datasets": (lambda ds: ds.interleave(in_a_dataset), "RandomStandardNormal in interleave"),
    "zipped": (lambda ds: tf.data.Dataset.zip(ds, ds.map(noisy)), "RandomStandardNormal in map"),
    "image": (
        lambda ds: ds.map(lambda a: tf.image.random_brightness(tf.reshape(a, (1, 1, 1)), 0.1)),
        "RandomUniform in map",
    ),
    "behind the cache": (lambda ds: ds.cache().map(noisy), "RandomStandardNormal in map"),
}
NOT_FOUND = {
    "nothing random": lambda ds: ds.map(lambda a: a + 1).shuffle(8).batch(2),
    "cached": lambda ds: ds.map(noisy).cache().batch(2),
    "stateless": lambda ds: ds.map(lambda a: a + tf.random.stateless_normal((), [1, 2])),
    "python": lambda ds: ds.map(lambda a: tf.numpy_function(np.sin, [a], tf.float32)),
}


@pytest.mark.parametrize("name", FOUND)
def test_seeded_operations_are_named(name):
    make, words = FOUND[name]
    assert seeded_operations(make(numbers())) == [words]


@pytest.mark.parametrize("name", NOT_FOUND)
def test_what_does_not_begin_again_is_not(name):
    assert seeded_operations(NOT_FOUND[name](numbers())) == []


def test_what_keeps_its_state_outside_the_iterator_is_not():
    generator = tf.random.Generator.from_seed(1)
    assert seeded_operations(numbers().map(lambda a: a + generator.normal(()))) == []


def test_operations_without_a_seed_are_not():
    tf.random.set_seed(None)
    assert seeded_operations(numbers().map(noisy)) == []
    # A seed of the operation's own is one.
    seeded = numbers().map(lambda a: a + tf.random.normal((), seed=1))
    assert seeded_operations(seeded) == ["RandomStandardNormal in map"]


def test_reading_is_bounded():
    dataset = numbers().map(noisy)
    for _ in range(300):
        dataset = dataset.skip(0)
    assert seeded_operations(dataset) == []
