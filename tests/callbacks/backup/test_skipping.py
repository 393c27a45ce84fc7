"""What need not be read again gives the same afterwards, and what would not is read."""

from __future__ import annotations

import types

import numpy as np
import pytest

from nbkeras.callbacks.backup.skipping import Skipping

NUMBERS = 12


@pytest.fixture(scope="module")
def tf():
    import tensorflow as tf

    return tf


def shuffled(tf, seed=4):
    return tf.data.Dataset.range(NUMBERS).shuffle(NUMBERS, seed=seed)


def records(tf, folder):
    path = str(folder / "a.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for number in range(NUMBERS):
            writer.write(str(number).encode())
    files = tf.data.Dataset.from_tensor_slices([path] * 2).shuffle(2, seed=1)
    return files.interleave(tf.data.TFRecordDataset, num_parallel_calls=2).shuffle(5, seed=2)


def ordered(tf, folder):
    from nbkeras.data.ordered import ordered_batches

    return ordered_batches(np.arange(NUMBERS), batch_size=5, seed=3, line="keras")


def of_one_s_own(tf, folder):
    generator = tf.random.Generator.from_seed(1)
    return tf.data.Dataset.range(NUMBERS).map(lambda a: generator.normal([]))


def hidden(tf, folder):
    inner = shuffled(tf)
    return tf.data.Dataset.range(2).flat_map(lambda a: inner)


SKIPPED = {
    "a shuffle": lambda tf, _: shuffled(tf).batch(5).prefetch(2),
    "arrays of nbkeras": ordered,
    "noise": lambda tf, _: shuffled(tf).map(lambda a: tf.random.normal([]) + tf.cast(a, tf.float32)),
    "two of them": lambda tf, _: tf.data.Dataset.zip((shuffled(tf), shuffled(tf, 5).skip(1))),
    "one on another": lambda tf, _: shuffled(tf).take(9).shuffle(3, seed=6),
    "files": records,
    "a known length": lambda tf, _: (
        shuffled(tf).filter(lambda a: a < 8).apply(tf.data.experimental.assert_cardinality(8))
    ),
    "again, then shuffled": lambda tf, _: tf.data.Dataset.range(3).repeat(2).shuffle(6, seed=1),
}
READ = {
    "shuffled, then again": lambda tf, _: shuffled(tf).repeat(2),
    "one after another": lambda tf, _: shuffled(tf).concatenate(shuffled(tf, 5)),
    "a first pass that is kept": lambda tf, _: shuffled(tf).cache(),
    "a generator of one's own": of_one_s_own,
    "a shuffle in a function": hidden,
    "Python": lambda tf, _: tf.data.Dataset.range(4).map(
        lambda a: tf.numpy_function(lambda b: b, [a], tf.int64)
    ),
    "an unknown length": lambda tf, _: shuffled(tf).filter(lambda a: a < 8),
}


def skipping(data, **given):
    model = types.SimpleNamespace(distribute_strategy=types.SimpleNamespace(num_replicas_in_sync=1))
    return Skipping({"x": data, "val_x": data, **given}, model)


def third_epoch(tf, make, folder, *, leave):
    tf.random.set_seed(7)
    data = make(tf, folder)
    for _ in range(2):
        leave(iter(data))
    found = [str(np.asarray(leaf)) for each in data for leaf in tf.nest.flatten(each)]
    tf.random.set_seed(None)
    return found


def test_what_is_skipped_goes_on_as_if_it_had_been_read(tf, tmp_path):
    for name, make in SKIPPED.items():
        decided = skipping(make(tf, tmp_path))
        assert decided.training, name
        leave = next if decided.opened else lambda iterator: None
        whole = third_epoch(tf, make, tmp_path, leave=list)
        assert third_epoch(tf, make, tmp_path, leave=leave) == whole, name


def test_what_would_not_is_read(tf, tmp_path):
    for name, make in READ.items():
        decided = skipping(make(tf, tmp_path))
        assert not decided.training, name
        assert not decided.validation, name
    assert not skipping(np.ones(3)).training
    assert not skipping(shuffled(tf), steps_per_epoch=2).training
    assert skipping(records(tf, tmp_path)).measured
    assert not skipping(shuffled(tf)).measured
