"""Whether a frame still runs is told without holding any."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import pytest

from nbkeras.callbacks.frames import on_any_stack


class Data:
    """Stands for what a training holds in its own variables."""


@pytest.fixture(autouse=True)
def no_garbage_collection():
    """Only what nobody refers to goes, at once."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def here():
    return sys._getframe(1)


def returned():
    return sys._getframe()


def test_frames_of_all_threads_are_found():
    found, asked, goes_on = [], threading.Event(), threading.Event()

    def other():
        found.append(here())
        asked.set()
        goes_on.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert asked.wait(10)
    assert on_any_stack(found[0])
    assert on_any_stack(here())
    assert not on_any_stack(returned())
    goes_on.set()
    thread.join()
    assert not on_any_stack(found[0])


def test_no_variable_is_held():
    def train():
        data = Data()
        on_any_stack(here())
        return weakref.ref(data)

    assert train()() is None
