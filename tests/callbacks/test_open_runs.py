"""A run whose training was left is closed with the error of its own thread's cell, and with no other."""

from __future__ import annotations

import sys
import threading

import pytest

from nbkeras.callbacks import open_runs


class Left:
    """A run whose training frame has returned."""

    def __init__(self):
        self.host = self._frame()
        self.errors = []

    def _frame(self):
        return sys._getframe()

    def fail(self, error):
        self.errors.append(error)
        open_runs.closed(self)


@pytest.fixture
def error():
    return RuntimeError("disk gone")


def test_a_run_of_this_thread_gets_the_cells_error(error):
    run = Left()
    open_runs.opened(run)
    open_runs.close_abandoned(error)
    assert run.errors == [error]


def test_a_run_of_another_thread_does_not(error):
    run = Left()
    # A run that is still here keeps its own thread's number from being given again.
    done = threading.Event()
    opened = threading.Event()

    def work():
        open_runs.opened(run)
        opened.set()
        done.wait(10)

    thread = threading.Thread(target=work)
    thread.start()
    opened.wait(10)
    open_runs.close_abandoned(error)
    done.set()
    thread.join()
    assert run.errors == [None]


def test_a_training_that_goes_on_is_left_alone(error):
    run = Left()
    run.host = sys._getframe()
    open_runs.opened(run)
    open_runs.close_abandoned(error)
    open_runs.closed(run)
    assert run.errors == []
