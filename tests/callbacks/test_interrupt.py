"""Real SIGINTs: the first one stops the run, the next one raises, and nobody's handler is lost."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from nbkeras import runs
from nbkeras.callbacks.interrupt import ECHO, STOP_BUTTON, GracefulInterrupt, InterruptCount
from nbkeras.callbacks.plan import Plan
from nbkeras.callbacks.recorder import Recorder
from nbkeras.runs.control import Control


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def control(python_interrupts):
    yield Control()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_first_stops_and_second_raises(control):
    graceful = GracefulInterrupt(control, InterruptCount())
    graceful.install(sys._getframe())
    interrupt()
    assert control.stopping
    assert control.stop_reason == "interrupt"
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    graceful.remove()


def test_runs_of_a_cell_share_the_count(control):
    count = InterruptCount()
    first = GracefulInterrupt(Control(), count)
    first.install(sys._getframe())
    interrupt()
    first.remove()
    second = GracefulInterrupt(control, count)
    second.install(sys._getframe())
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not control.stopping
    second.remove()


def test_a_run_that_died_gives_the_signal_back(control):
    def fit():
        GracefulInterrupt(control, InterruptCount()).install(sys._getframe())

    fit()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not control.stopping


def test_a_handler_set_later_stays(control):
    graceful = GracefulInterrupt(control, InterruptCount())
    before = signal.getsignal(signal.SIGINT)
    graceful.install(sys._getframe())

    def other(number, frame):
        pass

    signal.signal(signal.SIGINT, other)
    graceful.remove()
    assert signal.getsignal(signal.SIGINT) is other
    signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone(control):
    graceful = GracefulInterrupt(control, InterruptCount())
    thread = threading.Thread(target=graceful.install, args=(sys._getframe(),))
    thread.start()
    thread.join()
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_interrupt_of_the_stop_button_is_no_second_one(control):
    count = InterruptCount()
    graceful = GracefulInterrupt(control, count)
    graceful.install(sys._getframe())
    control.stop(STOP_BUTTON)
    interrupt()
    assert count.seen == 0
    interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    graceful.remove()


@pytest.mark.parametrize(("obeyed", "seen"), [(False, 0), (True, 1)])
def test_in_a_long_batch_it_comes_late(control, monkeypatch, obeyed, seen):
    """A second Stop in the same cell would else be a KeyboardInterrupt where batches take seconds."""
    count = InterruptCount()
    graceful = GracefulInterrupt(control, count)
    graceful.install(sys._getframe())
    control.stop(STOP_BUTTON)
    if obeyed:
        control.take()
    late = time.monotonic() + 10
    monkeypatch.setattr("nbkeras.callbacks.interrupt.time.monotonic", lambda: late)
    interrupt()
    assert count.seen == seen
    graceful.remove()


def clicked_and_ended():
    """A run that Stop has ended so soon that the second half of the click is still under way."""
    control = Control()
    graceful = GracefulInterrupt(control, InterruptCount())
    graceful.install(sys._getframe())
    control.stop(STOP_BUTTON)
    graceful.remove()


def test_interrupt_of_the_stop_button_that_comes_late_hits_nothing_that_follows(control):
    clicked_and_ended()
    interrupt()
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_it_does_not_stop_the_next_run_of_the_cell_either(control):
    clicked_and_ended()
    graceful = GracefulInterrupt(control, InterruptCount())
    graceful.install(sys._getframe())
    interrupt()
    assert not control.stopping
    interrupt()
    assert control.stop_reason == "interrupt"
    graceful.remove()
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_it_is_not_waited_for_much_longer_than_it_takes(control, monkeypatch):
    monkeypatch.setattr(GracefulInterrupt, "_echo_until", 0.0)
    clicked_and_ended()
    later = time.monotonic() + ECHO
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(KeyboardInterrupt):
        interrupt()


class Impatient:
    """Presses again while the run is closed."""

    def __init__(self):
        runs.set_log(None)
        self.told = []

    def on_tick(self, run, fresh):
        pass

    def on_end(self, run):
        interrupt()
        self.told.append(run.status)

    def watch(self, host):
        recorder = Recorder(Plan(view=False), stop=lambda: None, host=host)
        recorder.run.observe(self)
        recorder.run.observe(self)
        return recorder


@pytest.mark.usefixtures("control")
def test_an_interrupt_waits_until_the_run_is_closed():
    """The log and the saved notebook shall have the run's end."""
    impatient = Impatient()

    def fit():
        impatient.watch(sys._getframe()).end_as_asked()

    with pytest.raises(KeyboardInterrupt):
        fit()
    assert impatient.told == ["finished", "finished"]


@pytest.mark.usefixtures("control")
def test_an_interrupted_fit_that_is_closed_at_the_end_of_its_cell_is_closed_whole():
    impatient = Impatient()

    def fit():
        return impatient.watch(sys._getframe())

    recorder = fit()
    # Nothing is left to interrupt: the cell has ended with the first one.
    recorder.fail(KeyboardInterrupt())
    assert impatient.told == ["interrupted", "interrupted"]


def test_a_handler_that_python_does_not_know_is_left_alone(control, monkeypatch):
    """A program around Python may have set one; Python calls it None and cannot set it again."""
    monkeypatch.setattr(signal, "getsignal", lambda number: None)
    graceful = GracefulInterrupt(control, InterruptCount())
    graceful.install(sys._getframe())
    graceful.remove()
    monkeypatch.undo()
    with pytest.raises(KeyboardInterrupt):
        interrupt()


def test_a_training_in_a_generator_that_waits_keeps_its_handler(control):
    graceful = GracefulInterrupt(control, InterruptCount())

    def training():
        graceful.install(sys._getframe())
        yield
        interrupt()
        yield control.stopping
        graceful.remove()

    steps = training()
    next(steps)
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert not control.stopping
    assert next(steps)
    assert list(steps) == []
