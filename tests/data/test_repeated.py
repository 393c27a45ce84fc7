"""All epochs in one iterator: random numbers go on, and nothing is read that nobody has asked for."""

from __future__ import annotations

import time

import pytest
import tensorflow as tf

from nbkeras.data.repeated import repeated


@pytest.fixture(autouse=True)
def seeded():
    tf.random.set_seed(1)
    yield
    tf.random.set_seed(None)


@pytest.mark.parametrize("deterministic", [False, True])
def test_random_numbers_go_on(deterministic):
    dataset = tf.data.Dataset.range(4).map(lambda _: tf.random.uniform((), seed=1)).batch(2)
    numbers = iter(repeated(dataset, deterministic=deterministic))
    epochs = [[value for _ in range(2) for value in next(numbers).numpy().tolist()] for _ in range(3)]
    assert len({value for epoch in epochs for value in epoch}) == 12
    again = iter(repeated(dataset, deterministic=deterministic))
    assert [value for _ in range(2) for value in next(again).numpy().tolist()] == epochs[0]


def test_each_epoch_is_whole_and_shuffled_anew():
    dataset = tf.data.Dataset.range(20).shuffle(20, seed=1).batch(8)
    batches = iter(repeated(dataset, deterministic=False))
    epochs = [[value for _ in range(3) for value in next(batches).numpy().tolist()] for _ in range(3)]
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


@pytest.mark.parametrize("last", ["map", "parallel map", "batch", "prefetch"])
def test_an_epoch_that_is_not_begun_is_not_read(last):
    read = []

    def note(value):
        read.append(value)
        return value

    dataset = tf.data.Dataset.range(6).map(lambda i: tf.numpy_function(note, [i], tf.int64))
    dataset = dataset.map(lambda i: tf.ensure_shape(i, ()))
    dataset = {
        "map": lambda ds: ds,
        "parallel map": lambda ds: ds.map(lambda i: i + 1, num_parallel_calls=tf.data.AUTOTUNE),
        "batch": lambda ds: ds.batch(1),
        "prefetch": lambda ds: ds.prefetch(2),
    }[last](dataset)
    elements = iter(repeated(dataset, deterministic=False))
    for _ in range(6):
        next(elements)
    # Whatever reads ahead in a thread of its own has the time to.
    time.sleep(0.1)
    assert len(read) == 6
