"""Noting the batches of a pipeline, and what is known of how it makes them."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from nbkeras.reproducibility.proof import batches


def noted(dataset):
    """Have a dataset noted as a running fit has it."""
    data_handler = SimpleNamespace(_dataset=dataset)
    found: list[batches.Batch] = []
    assert batches.note_batches(sys._getframe(), found)
    return data_handler._dataset, found


def flat(dataset):
    parts = [tf.nest.flatten(element, expand_composites=True) for element in dataset]
    return [[part.numpy().tolist() for part in element] for element in parts]


SLICES = tf.data.Dataset.from_tensor_slices


@pytest.mark.parametrize(
    "dataset",
    [
        SLICES((tf.ragged.constant([[1.0, 2.0], [3.0], [], [4.0]]), [1, 2, 3, 4])).batch(2),
        SLICES(tf.sparse.from_dense(np.eye(4))).batch(3),
        SLICES({"a": [1, 2], "b": ["x", "y"]}).batch(1),
        SLICES(([1.0, 2.0],)).batch(1),
        SLICES((tf.cast([1.0, 2.0], tf.bfloat16), {"k": [True, False]})).batch(2, drop_remainder=True),
        tf.data.Dataset.range(3),
    ],
    ids=["ragged", "sparse", "dict", "one in a tuple", "bfloat16", "scalars"],
)
def test_elements_are_handed_on_as_they_are(dataset):
    watched, found = noted(dataset)
    assert watched.element_spec == dataset.element_spec
    assert int(watched.cardinality()) == int(dataset.cardinality())
    assert flat(watched) == flat(dataset)
    assert len(found) == int(dataset.cardinality())


def test_nothing_is_drawn_twice():
    drawn = []

    def source():
        for number in range(3):
            drawn.append(number)
            yield number

    watched, found = noted(
        tf.data.Dataset.from_generator(source, output_signature=tf.TensorSpec((), tf.int32))
    )
    assert flat(watched) == [[0], [1], [2]]
    assert drawn == [0, 1, 2]
    assert len({batch.parts[0] for batch in found}) == 3


def test_a_training_without_a_dataset_is_not_seen():
    assert batches.note_batches(sys._getframe(), []) is False


@pytest.mark.parametrize(
    ("dataset", "facts"),
    [
        (tf.data.Dataset.range(4).map(abs), []),
        (tf.data.Dataset.range(4).shuffle(4, seed=3).batch(2), []),
        (tf.data.Dataset.range(4).map(abs, num_parallel_calls=2).batch(2), [batches.PARALLEL]),
        (
            tf.data.Dataset.range(4).map(abs, num_parallel_calls=2, deterministic=False).prefetch(1),
            [batches.PARALLEL, batches.UNORDERED],
        ),
        (np.zeros(3), []),
    ],
)
def test_facts_of_a_pipeline(dataset, facts):
    assert batches.pipeline_facts(dataset) == sorted(facts)


def test_a_shuffle_without_any_seed_is_known():
    tf.random.set_seed(None)
    assert batches.pipeline_facts(tf.data.Dataset.range(4).shuffle(4).batch(2)) == [batches.UNSEEDED_SHUFFLE]
    tf.random.set_seed(1)
    try:
        assert batches.pipeline_facts(tf.data.Dataset.range(4).shuffle(4)) == []
    finally:
        tf.random.set_seed(None)


def test_options_and_workers_count():
    options = tf.data.Options()
    options.deterministic = False
    assert batches.pipeline_facts(tf.data.Dataset.range(4).with_options(options)) == [batches.UNORDERED]
    assert batches.pipeline_facts(None, 4) == [batches.WORKERS]
    assert batches.pipeline_facts(SimpleNamespace(workers=3)) == [batches.WORKERS]
