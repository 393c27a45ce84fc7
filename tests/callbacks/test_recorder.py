"""The recorder: ticks, commands, pauses and time limits, on a clock of the test's own."""

from __future__ import annotations

import threading
import time

import pytest

from nbkeras import runs
from nbkeras.callbacks.plan import Plan
from nbkeras.callbacks.recorder import Recorder, scalars


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Optimizer:
    learning_rate = 0.1


@pytest.fixture(autouse=True)
def no_log():
    runs.set_log(None)


def recorder(clock, **more):
    stops = []
    plan = Plan(view=False, epochs=2, batch_size=10, **more)
    made = Recorder(plan, stop=lambda: stops.append(1), optimizer=Optimizer(), steps=50, clock=clock)
    made.epoch_begin(1)
    return made, stops


def test_metrics_are_read_on_ticks_only():
    clock = Clock()
    made, _ = recorder(clock)
    reads = []

    class Logs(dict):
        def items(self):
            reads.append(clock.now)
            return {"loss": 0.5}.items()

    for step in range(1, 1001):
        clock.now += 0.001
        made.step_end(step, Logs(loss=1))
    assert len(reads) == 10
    assert list(made.run.steps("loss").values) == [0.5] * 10


def test_progress_and_rates():
    clock = Clock()
    made, _ = recorder(clock)
    for epoch in (1, 2):
        if epoch == 2:
            made.epoch_begin(2)
        for step in range(1, 51):
            clock.now += 0.1
            made.step_end(step, {"loss": 1.0})
            if epoch == 2 and step == 10:
                assert made.run.progress.remaining == pytest.approx(4.0, rel=0.1)
        if epoch == 1:
            made.epoch_end(1, {"loss": 1.0})
    progress = made.run.progress
    assert (progress.epoch, progress.step, progress.done) == (2, 50, 100)
    assert progress.elapsed == pytest.approx(10.0)
    assert progress.step_rate == pytest.approx(10.0, rel=0.01)
    assert progress.sample_rate == pytest.approx(100.0, rel=0.01)


def test_commands_act_at_the_next_batch_even_off_the_tick():
    made, stops = recorder(Clock())
    made.run.control.set_learning_rate(0.025)
    made.step_end(1, {})
    assert made._optimizer.learning_rate == 0.025
    assert [event.text for event in made.run.events] == ["learning rate set to 0.025"]
    made.run.control.stop("stop button")
    made.step_end(2, {})
    assert stops
    made.end_as_asked()
    assert (made.run.status, made.run.reason) == ("stopped", "stop button")


def test_a_schedule_is_not_overwritten():
    class LearningRateSchedule:
        def __call__(self, step):
            return 0.1

    made, _ = recorder(Clock())
    made._optimizer._learning_rate = LearningRateSchedule()
    made.run.control.set_learning_rate(0.025)
    made.step_end(1, {})
    assert made._optimizer.learning_rate == 0.1
    assert "follows a LearningRateSchedule schedule" in made.run.events[-1].text


def test_pause_holds_the_training_and_resume_lets_it_go():
    made, _ = recorder(time.perf_counter)
    statuses = []

    class Observer:
        def on_tick(self, run, fresh):
            statuses.append(run.status)
            if run.status == "paused":
                threading.Timer(0.05, run.control.resume).start()

        def on_end(self, run):
            pass

    made.run.observe(Observer())
    made.run.control.pause()
    before = time.perf_counter()
    made.step_end(1, {"loss": 1.0})
    paused = time.perf_counter() - before
    assert statuses[:2] == ["running", "paused"]
    assert made.run.status == "running"
    assert [event.text for event in made.run.events] == ["paused", "resumed"]
    made.end("finished")
    # The time of a pause is not the training's.
    assert made.run.progress.elapsed < time.perf_counter() - before - paused + 0.5 * paused + 1


def test_stop_ends_a_pause():
    made, stops = recorder(time.perf_counter)
    made.run.control.pause()
    threading.Timer(0.05, made.run.control.stop).start()
    made.step_end(1, {})
    assert stops


def test_time_limit():
    clock = Clock()
    made, stops = recorder(clock, max_time=5.0)
    clock.now += 4.9
    made.step_end(1, {})
    assert not stops
    clock.now += 0.2
    made.step_end(2, {})
    assert stops
    assert made.run.control.stop_reason == "time limit of 5s"


def test_dear_ticks_become_rarer():
    clock = Clock()
    made, _ = recorder(clock)
    ticks = []

    class Slow:
        def on_tick(self, run, fresh):
            ticks.append(clock.now)
            clock.now += 0.02

        def on_end(self, run):
            pass

    made.run.observe(Slow())
    for step in range(1, 10001):
        clock.now += 0.001
        made.step_end(step, {})
    assert len(ticks) < 30


def test_values_that_are_no_numbers_are_left_out():
    assert scalars({"loss": 1, "matrix": [[1, 2], [3, 4]], "text": "a"}) == {"loss": 1.0}
    assert scalars(None) == {}
