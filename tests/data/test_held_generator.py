"""A generator that is read ahead before a training begins loses nothing."""

from __future__ import annotations

import threading

from nbkeras.data.held_generator import held_until


def test_other_threads_get_the_last_batch_again_until_the_training_begins():
    begun = threading.Event()
    given = held_until(begun, iter(range(5)))
    assert [next(given), next(given)] == [0, 1]
    found = []
    reading = threading.Thread(target=lambda: found.extend(next(given) for _ in range(4)))
    reading.start()
    reading.join()
    assert found == [1, 1, 1, 1]
    begun.set()
    training = threading.Thread(target=lambda: found.extend(given))
    training.start()
    training.join()
    assert found[4:] == [2, 3, 4]
