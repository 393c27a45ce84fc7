"""A run whose training was left is closed with the error of its own thread's cell, and with no other."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import types

import pytest

from nbkeras.callbacks import open_runs


@pytest.fixture(scope="module", autouse=True)
def nothing_frozen():
    """Tests of training take what they have left out of the garbage collector's sight, referrers too."""
    gc.unfreeze()


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


def hosts():
    """Suspended code of each kind, as (its frame, what ends it)."""

    def generator():
        yield sys._getframe()
        yield

    @types.coroutine
    def wait(value):
        yield value

    async def coroutine():
        await wait(sys._getframe())

    async def agen():
        await wait(sys._getframe())
        yield

    made = generator()
    yield next(made), made.close
    made = (sys._getframe() for _ in range(2))
    yield next(made), made.close
    made = coroutine()
    yield made.send(None), made.close
    made = agen()
    step = made.asend(None)
    yield step.send(None), lambda: step.throw(StopAsyncIteration)


@pytest.mark.parametrize(("frame", "end"), list(hosts()), ids=["generator", "genexpr", "async", "agen"])
def test_a_loop_that_waits_in_a_generator_is_left_alone(frame, end):
    run = Left()
    run.host = frame
    open_runs.opened(run)
    open_runs.close_abandoned(None)
    assert run.errors == []
    with contextlib.suppress(RuntimeError):
        end()
    open_runs.close_abandoned(None)
    assert run.errors == [None]


def test_a_loop_whose_generator_was_dropped_is_closed():
    def loop():
        yield sys._getframe()

    run = Left()
    run.host = next(loop())
    open_runs.opened(run)
    open_runs.close_abandoned(None)
    assert run.errors == [None]
