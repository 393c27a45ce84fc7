"""What the signs of life leave alone; no process runs here."""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref

import pytest

from nbkeras.cluster import beats
from nbkeras.runtime.thread_frames import thread_frames


class Data:
    """Stands for the arrays that a `fit` holds in its own variables."""


@pytest.fixture
def no_garbage_collection():
    """Only what nobody refers to goes, at once."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_sign_of_life_holds_no_variable_of_the_training(monkeypatch):
    heard = threading.Event()
    monkeypatch.setattr(beats, "tell", lambda **_: heard.set())
    signs = beats.Beats()

    def train():
        data = Data()
        signs.cell_began()
        assert heard.wait(10)
        return weakref.ref(data)

    left = train()
    # The thread may be leaving its own function still.
    end = time.monotonic() + 10
    while left() is not None and time.monotonic() < end:
        time.sleep(0.01)
    signs.cell_ended()
    assert left() is None


def sleeping(reading, done):
    del reading
    while not done.is_set():
        time.sleep(0.2)


def reading_lines(reading, done):
    del done
    with os.fdopen(reading) as lines:
        for _ in lines:
            pass


@pytest.mark.parametrize(("stands", "frees"), [(sleeping, False), (reading_lines, True)])
def test_only_a_line_that_calls_nothing_is_taken_for_the_end_of_a_dataset(stands, frees):
    """A loop over a file stands in it, as one over a dataset stands at its end: no call is made."""
    reading, writing = os.pipe()
    done = threading.Event()
    thread = threading.Thread(target=stands, args=(reading, done))
    thread.start()
    time.sleep(0.5)
    frame = thread_frames().get(thread.ident)
    found = beats._frees(frame), frame.f_code.co_name
    del frame
    done.set()
    os.close(writing)
    thread.join()
    if stands is sleeping:
        os.close(reading)
    assert found == (frees, stands.__name__)
