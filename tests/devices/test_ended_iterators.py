"""Iterators of a strategy that nobody uses any more: their end may take a minute, for which nobody waits."""

from __future__ import annotations

import gc
import threading
import time

import pytest
import tensorflow as tf

from nbkeras.devices import ended_iterators
from nbkeras.devices.leaving_early import let_iterators_be_left

SPEC = tf.TensorSpec((), tf.int64)


class Slow:
    """A dataset whose third element comes when it is told to: until then its iterators can't end."""

    def __init__(self):
        self.may_go_on = threading.Event()
        self.stands = threading.Event()

    def __call__(self, *_):
        return tf.data.Dataset.from_generator(self._elements, output_signature=SPEC).batch(1)

    def _elements(self):
        yield from range(2)
        self.stands.set()
        self.may_go_on.wait(60)
        yield 2


@pytest.fixture
def slow():
    made = Slow()
    yield made
    made.may_go_on.set()


@pytest.fixture
def held(monkeypatch):
    made = ended_iterators._Held()
    monkeypatch.setattr(ended_iterators, "_held", made)
    return made


@pytest.fixture
def strategy(held):
    made = tf.distribute.MirroredStrategy(["CPU:0"])
    let_iterators_be_left(made)
    return made


@pytest.mark.parametrize("way", ["experimental_distribute_dataset", "distribute_datasets_from_function"])
def test_an_iterator_that_cannot_end_keeps_nobody(strategy, held, slow, way):
    made = getattr(strategy, way)(slow() if way == "experimental_distribute_dataset" else slow)
    assert isinstance(made, tf.distribute.DistributedDataset)
    iterator = iter(made)
    assert int(next(iterator)[0]) == 0
    assert slow.stands.wait(60)
    assert len(held) == 1

    def leave():
        nonlocal iterator
        del iterator
        gc.collect()

    # Without the mend it waits here for the generator, which waits for the last line of this test.
    leaving = threading.Thread(target=leave, daemon=True)
    leaving.start()
    leaving.join(20)
    assert not leaving.is_alive()
    end = time.monotonic() + 60
    while len(held):
        assert time.monotonic() < end
        time.sleep(0.05)
    (waiting,) = held._ending
    assert waiting.is_alive()
    slow.may_go_on.set()
    waiting.join(60)
    assert not waiting.is_alive()


def test_an_iterator_in_use_gives_all_of_its_batches(strategy, held):
    iterator = iter(strategy.experimental_distribute_dataset(tf.data.Dataset.range(8).batch(2)))
    got = []
    for _ in range(4):
        # Longer than from one look to the next.
        time.sleep(0.6)
        got += next(iterator).numpy().tolist()
    assert got == list(range(8))
    assert len(held) == 1


@pytest.mark.filterwarnings("ignore:To make it possible to preserve tf.data options")
def test_in_a_function_nothing_is_held(strategy, held):
    data = strategy.experimental_distribute_dataset(tf.data.Dataset.range(4).batch(2))

    @tf.function
    def total():
        found = tf.constant(0, tf.int64)
        for batch in data:
            found += tf.reduce_sum(batch)
        return found

    assert int(total()) == 6
    assert len(held) == 0
