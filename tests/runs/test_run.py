from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from nbkeras.runs.record import Best
from nbkeras.runs.run import Run
from nbkeras.runtime.refusal import Refusal


class Listener:
    def __init__(self):
        self.ticks = []
        self.ends = []

    def on_tick(self, run, fresh):
        self.ticks.append((run.status, fresh))

    def on_end(self, run):
        self.ends.append((run.status, run.reason))


@pytest.fixture
def run():
    return Run("fit", "demo", {"batch_size": 32})


def test_a_new_run(run):
    assert run.status == "running"
    assert run.live
    assert (run.name, run.kind, run.parameters) == ("demo", "fit", {"batch_size": 32})
    assert run.metrics == ()
    assert run.history == {}
    assert run.ended is None
    assert Run("evaluate").name == "evaluate"


def test_ids_sort_by_time(run):
    day, time, ending = run.id.split("-")
    assert (len(day), len(time), len(ending)) == (8, 6, 4)
    assert f"{day}{time}".isdigit()


def test_history_by_epoch_with_metrics_that_some_epochs_lack(run):
    run.record_epoch(1, {"loss": 3.0})
    run.record_epoch(2, {"loss": 2.0, "val_loss": math.nan})
    run.record_epoch(3, {"loss": 1.0})
    run.record_epoch(4, {"loss": 1.5, "val_loss": 4.0})
    np.testing.assert_equal(run.history, {"loss": [3.0, 2.0, 1.0, 1.5], "val_loss": [math.nan, 4.0]})
    assert run.epoch_numbers("val_loss") == [2, 4]
    assert run.best_of("loss") == Best(1.0, 3, "epoch")
    assert run.best_of("val_loss") == Best(4.0, 4, "epoch")


def test_metrics_come_in_order_of_appearance(run):
    run.record_step(1, {"loss": 1.0, "accuracy": 0.1})
    run.record_epoch(1, {"accuracy": 0.2, "val_loss": 1.0, "loss": 1.0})
    assert run.metrics == ("loss", "accuracy", "val_loss")
    assert run.epoch_numbers("accuracy") == [1]


def test_best_by_step_before_the_first_epoch_ends(run):
    for step, value in enumerate([0.1, math.inf, 0.9, math.nan, 0.9, 0.3], 1):
        run.record_step(step, {"accuracy": value, "loss": value, "learning_rate": 0.1})
    assert run.best_of("accuracy") == Best(0.9, 3, "step")
    assert run.best_of("loss") == Best(0.1, 1, "step")
    assert run.best_of("learning_rate") is None
    run.record_epoch(1, {"accuracy": 0.3})
    assert run.best_of("accuracy") == Best(0.3, 1, "epoch")


def test_an_evaluation_has_no_best_step():
    """Its steps say the mean so far."""
    run = Run("evaluate", "test")
    for step, loss in enumerate((0.1, 0.3), start=1):
        run.record_step(step, {"loss": loss})
    assert run.best_of("loss") is None
    run.record_epoch(1, {"loss": 0.3})
    assert run.best_of("loss") == Best(0.3, 1, "epoch")


def test_no_best_among_values_that_are_not_finite(run):
    run.record_step(1, {"loss": math.nan})
    assert run.best_of("loss") is None
    run.record_epoch(1, {"loss": math.inf})
    assert run.best_of("loss") is None


def test_a_direction_that_is_set_wins_and_goes_for_validation_too(run):
    run.record_epoch(1, {"gain": 1.0, "val_gain": 1.0})
    run.record_epoch(2, {"gain": 2.0, "val_gain": 2.0})
    assert run.direction("val_gain") == "min"
    run.directions["gain"] = "max"
    assert run.best_of("val_gain") == Best(2.0, 2, "epoch")


def test_series_by_step(run):
    run.record_epoch(1, {"val_loss": 1.0})
    for step in range(1, 6001):
        run.record_step(step, {"loss": float(step)})
    points = run.series("loss")
    assert len(points) <= 2000
    assert (points.values[0], points.values[-1]) == (1.0, 6000.0)
    assert len(run.steps("loss")) == len(points)
    assert len(run.series("val_loss")) == 0


@pytest.mark.parametrize("read", ["steps", "series", "epoch_numbers", "best_of"])
def test_a_metric_that_is_not_there_is_refused(run, read):
    with pytest.raises(Refusal, match="no metric 'acc': it has none yet"):
        getattr(run, read)("acc")
    run.record_epoch(1, {"loss": 1.0, "accuracy": 1.0})
    with pytest.raises(Refusal, match="no metric 'acc': it has loss, accuracy"):
        getattr(run, read)("acc")


def test_observers_get_what_came_since_the_last_tick(run):
    listener = Listener()
    run.observe(listener)
    run.record_step(1, {"loss": np.float32(0.5)})
    run.progress.done = 1
    run.record_epoch(1, {"loss": 0.25})
    run.add_event("learning rate set to 0.001")
    run.tick(snapshot=True)
    run.tick()
    (_, first), (_, second) = listener.ticks
    assert first.steps == [(1, {"loss": 0.5})]
    assert type(first.steps[0][1]["loss"]) is float
    assert first.epochs == [(1, {"loss": 0.25})]
    assert [(event.step, event.text) for event in first.events] == [(1, "learning rate set to 0.001")]
    assert first.snapshot
    assert (second.steps, second.epochs, second.events) == ([], [], [])
    assert not second.snapshot
    run.unobserve(listener)
    run.unobserve(listener)
    run.tick()
    assert len(listener.ticks) == 2


def test_the_end_comes_once_after_a_last_tick(run):
    listener = Listener()
    run.observe(listener)
    run.record_step(1, {"loss": 0.5})
    run.finish("stopped", "stop button")
    run.finish("failed", "later")
    assert [(status, len(fresh.steps)) for status, fresh in listener.ticks] == [("stopped", 1)]
    assert listener.ends == [("stopped", "stop button")]
    assert run.ended >= run.created
    assert not run.live


def test_nothing_is_recorded_after_the_end(run):
    run.finish("finished")
    run.record_step(1, {"loss": 0.5})
    run.record_epoch(1, {"loss": 0.5})
    run.set_status("running")
    assert run.metrics == ()
    assert run.status == "finished"


def test_an_observer_that_raises_is_dropped_and_noted(run):
    class Broken(Listener):
        def on_tick(self, run, fresh):
            super().on_tick(run, fresh)
            raise RuntimeError("no canvas")

    broken, sound = Broken(), Listener()
    run.observe(broken)
    run.observe(sound)
    for _ in range(3):
        run.tick()
    run.finish("finished")
    assert len(broken.ticks) == 1
    assert broken.ends == []
    assert len(sound.ticks) == 4
    assert run.notes == ["Broken shows nothing more of this run: RuntimeError: no canvas"]


def test_pausing_changes_the_status_and_back(run):
    run.set_status("paused")
    assert run.live
    run.set_status("running")
    assert run.status == "running"


def test_a_note_is_said_once(run):
    run.add_note("slow disk")
    run.add_note("slow disk")
    assert run.notes == ["slow disk"]


def test_summary(run):
    run.progress.done, run.progress.elapsed = 20, 1.5
    run.record_epoch(1, {"loss": 3.0, "val_accuracy": 0.5})
    run.record_epoch(2, {"loss": 4.0})
    assert run.summary() == {
        "id": run.id,
        "name": "demo",
        "kind": "fit",
        "status": "running",
        "created": run.created,
        "seconds": 1.5,
        "epochs": 2,
        "steps": 20,
        "best": {"loss": 3.0, "val_accuracy": 0.5},
    }


def test_to_frame(run):
    pytest.importorskip("pandas")
    run.record_epoch(1, {"loss": 3.0})
    run.record_epoch(2, {"loss": 2.0, "val_loss": 4.0})
    run.record_epoch(2, {"loss": 1.0})
    frame = run.to_frame()
    assert frame.index.name == "epoch"
    assert frame.index.tolist() == [1, 2]
    assert frame["loss"].tolist() == [3.0, 1.0]
    np.testing.assert_equal(frame["val_loss"].tolist(), [math.nan, 4.0])


def test_without_pandas_the_table_is_refused_with_the_remedy(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(Refusal, match="%pip install pandas"):
        run.to_frame()


def test_other_threads_read_while_one_writes(run):
    failures = []
    writing = threading.Event()

    def read():
        try:
            while not writing.is_set():
                for metric in run.metrics:
                    points = run.series(metric)
                    assert len(points.steps) == len(points.values) <= 2000
                    run.best_of(metric)
                    run.epoch_numbers(metric)
                run.summary()
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for step in range(1, 5001):
        run.record_step(step, {"loss": 1 / step, f"metric_{step % 40}": 1.0})
        if step % 100 == 0:
            run.record_epoch(step // 100, {f"epoch_{step // 100}": 1.0})
            run.tick()
    writing.set()
    for reader in readers:
        reader.join()
    assert failures == []
