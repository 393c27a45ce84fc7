from __future__ import annotations

import math
import signal
import threading
import time

import pytest

from nbkeras.runs.control import Commands, Control
from nbkeras.runtime.refusal import Refusal


def test_nothing_is_pending_at_first():
    control = Control()
    assert not control.pending
    assert control.take() == Commands(stop=False, learning_rate=None, snapshot=False)


def test_stop_stays_and_keeps_the_first_reason():
    control = Control()
    control.stop("--max-time")
    control.stop()
    assert control.pending
    assert control.take().stop
    assert not control.pending
    assert control.take().stop
    assert (control.stopping, control.stop_reason) == (True, "--max-time")


def test_learning_rate_and_snapshot_are_handed_over_once():
    control = Control()
    control.set_learning_rate(0.5)
    control.request_snapshot()
    assert control.take() == Commands(stop=False, learning_rate=0.5, snapshot=True)
    assert control.take() == Commands(stop=False, learning_rate=None, snapshot=False)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "fast", None])
def test_a_learning_rate_that_is_none_is_refused(value):
    control = Control()
    with pytest.raises(Refusal, match=r"must be a number above 0, such as 0\.001, not"):
        control.set_learning_rate(value)
    assert not control.pending


def test_pause_and_resume():
    control = Control()
    assert not control.wait_while_paused(0)
    control.pause()
    assert control.pending
    assert control.paused
    assert control.wait_while_paused(0.01)
    control.resume()
    assert not control.wait_while_paused(60)


@pytest.mark.parametrize("end", ["resume", "stop"])
def test_a_waiting_run_goes_on_at_once(end):
    control = Control()
    control.pause()
    threading.Timer(0.05, getattr(control, end)).start()
    assert not control.wait_while_paused(60)


def test_wakeups_of_the_past_do_not_end_a_later_pause():
    control = Control()
    for _ in range(3):
        control.resume()
    control.pause()
    assert control.wait_while_paused(0.05)


def test_a_run_that_is_to_stop_does_not_pause():
    control = Control()
    control.stop()
    control.pause()
    assert not control.paused


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")
def test_a_signal_handler_can_stop_a_paused_run():
    control = Control()
    control.pause()
    before = signal.signal(signal.SIGALRM, lambda *_: control.stop("interrupt"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert not control.wait_while_paused(60)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert control.stop_reason == "interrupt"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this system")
def test_an_interrupt_ends_the_wait():
    control = Control()
    control.pause()

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            control.wait_while_paused(60)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_no_wish_is_lost_between_threads():
    control = Control()
    wishes = [0.001 * (number + 1) for number in range(2000)]

    def ask():
        for wish in wishes:
            control.set_learning_rate(wish)
            control.request_snapshot()

    asking = threading.Thread(target=ask)
    asking.start()
    last = None
    while asking.is_alive() or control.pending:
        if control.pending:
            last = control.take().learning_rate or last
        time.sleep(0)
    assert last == wishes[-1]
