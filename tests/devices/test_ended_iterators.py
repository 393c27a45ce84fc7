"""Iterators of a strategy that nobody uses any more: their end may take a minute, for which nobody waits."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import pytest
import tensorflow as tf

from nbkeras.devices import ended_iterators
from nbkeras.devices.leaving_early import let_iterators_be_left

# Two iterators that can't end before their data do, a moment after the program: one is left just before that,
# the other one as a part of garbage, which is seen only later.
ENDING = """
import gc, threading, time
import tensorflow as tf
from nbkeras.devices.leaving_early import let_iterators_be_left

go_on = threading.Event()
strategy = tf.distribute.MirroredStrategy(["CPU:0"])
let_iterators_be_left(strategy)

def begun():
    stands = threading.Event()

    def elements():
        yield from range(2)
        stands.set()
        go_on.wait()
        yield 2

    data = tf.data.Dataset.from_generator(elements, output_signature=tf.TensorSpec((), tf.int64)).batch(1)
    iterator = iter(strategy.experimental_distribute_dataset(data))
    next(iterator)
    stands.wait()
    return iterator

garbage = begun()
garbage.own = garbage
left = begun()
del left
timer = threading.Timer(1.5, go_on.set)
timer.daemon = True
timer.start()
del garbage
gc.collect()
time.sleep(0.05)
print("ends", flush=True)
"""

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
    assert len(held) == 2

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
    assert len(held) == 2


def test_what_was_given_its_class_already_is_not_given_it_again(strategy, held):
    """A strategy of the user's own may give one dataset twice."""
    data = strategy.experimental_distribute_dataset(tf.data.Dataset.range(4).batch(2))
    assert ended_iterators.end_aside(data) is data
    iter(data)
    gc.collect()
    own = iter([1, 2])
    assert ended_iterators.end_aside(own) is own
    end = time.monotonic() + 60
    while len(held):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_python_ends_while_an_iterator_cannot():
    """The thread that would come back to Python in the middle of its end must not."""
    done = subprocess.run(
        [sys.executable, "-c", ENDING],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "ends\n"), done.stderr[-2000:]


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
