from __future__ import annotations

import sqlite3
import sys
import threading
import time
from contextlib import closing

import numpy as np
import pytest

from nbkeras import runs
from nbkeras.runs.events import Fresh
from nbkeras.runs.log import recorder, writer
from nbkeras.runs.log.recorder import WAITING
from nbkeras.runs.log.writer import writer_of
from nbkeras.runtime.refusal import Refusal


def rows(log, what):
    with closing(sqlite3.connect(log)) as connection:
        return connection.execute(what).fetchall()


def test_the_log_is_made_at_the_first_run_and_not_before(log, train):
    assert not log.exists()
    train("one")
    assert writer.flush(log)
    assert rows(log, "PRAGMA application_id") == [(0x6E626B72,)]
    assert rows(log, "PRAGMA user_version") == [(1,)]
    assert rows(log, "PRAGMA journal_mode") == [("wal",)]


def test_the_whole_series_is_kept(log):
    run = runs.begin("fit", "long", {}, {})
    values = np.random.default_rng(0).normal(size=20_000)
    values[[3, 500]] = np.nan, np.inf
    for step, value in enumerate(values.tolist(), 1):
        run.record_step(step, {"loss": value, "other": 1.0})
        if step % 400 == 0:
            run.tick()
        if step % 8000 == 0:
            writer.flush(log)
    whole = run.steps("loss")
    np.testing.assert_array_equal(whole.steps, np.arange(1, 20_001))
    np.testing.assert_array_equal(whole.values, values)
    assert len(run.series("loss")) <= 2000


def test_a_run_under_way_reads_as_running_elsewhere(log, train, forget):
    run = train("one", finish=False)
    forget(log)
    assert runs.latest().status == "running"
    run.set_status("paused")
    writer.flush(log)
    assert runs.latest().status == "paused"
    run.finish("failed", "ValueError: no")
    forget(log)
    assert (runs.latest().status, runs.latest().reason) == ("failed", "ValueError: no")


def test_what_comes_later_is_added(log, train, forget):
    run = train("one", finish=False)
    run.notes.append("a note")
    run.parameters["late"] = 1
    run.add_event("paused")
    writer.flush(log)
    run.record_epoch(3, {"loss": 0.1, "val_auc": 0.9})
    run.add_event("resumed")
    run.finish("finished")
    forget(log)
    stored = runs.latest()
    assert stored.metrics == ("loss", "val_loss", "val_auc")
    assert stored.epoch_numbers("val_auc") == [3]
    assert [event.text for event in stored.events] == ["paused", "resumed"]
    assert stored.notes == ["a note"]
    assert stored.parameters == {"late": 1}


def test_names_and_parameters_of_any_kind(log, forget):
    odd = "Zürich 🚲 '); DROP TABLE runs; -- \ud800"
    run = runs.begin("fit", odd, {"optimizer": object, odd: [1, {"a": None}]}, {})
    run.record_epoch(1, {odd: 1.0})
    run.finish("finished")
    forget(log)
    stored = runs.latest()
    assert stored.name == odd.replace("\ud800", "\\ud800")
    assert stored.parameters == {"optimizer": str(object), odd: [1, {"a": None}]}
    assert stored.history == {odd: [1.0]}
    assert stored.notes == []


def test_the_file_is_closed_when_no_run_needs_it(log, train, monkeypatch):
    monkeypatch.setattr(writer, "_LINGER", 0.0)
    train("one")
    names = []
    deadline = time.monotonic() + 10
    while names != ["runs.sqlite"] and time.monotonic() < deadline:
        time.sleep(0.01)
        names = [path.name for path in log.parent.iterdir()]
    assert names == ["runs.sqlite"]
    train("two")
    assert len(runs.all()) == 2


def test_no_more_threads_than_logs(log, train):
    # The thread of another log may be closing its file.
    for thread in threading.enumerate():
        if thread.name == "nbkeras run log":
            thread.join(10)
    for number in range(5):
        train(f"run {number}", finish=False)
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("nbkeras run log") == 1


def test_several_runs_at_once_keep_apart(log, forget):
    many = [runs.begin("fit", f"run {number}", {}, {}) for number in range(4)]
    for step in range(1, 301):
        for number, run in enumerate(many):
            run.record_step(step, {"loss": float(number)})
            run.tick()
    for run in many:
        run.finish("finished")
    forget(log)
    for number in range(4):
        whole = runs.get(f"run {number}").steps("loss")
        assert len(whole) == 300
        assert set(whole.values.tolist()) == {float(number)}


def test_while_another_program_holds_the_log_nothing_is_lost(log, train, monkeypatch, forget):
    train("first")
    writer.flush(log)
    monkeypatch.setattr("nbkeras.runs.log.schema.BUSY", 0.05)
    writer_of(log).close()
    holder = sqlite3.connect(log, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    run = train("second", epochs=3)
    assert not writer_of(log).flush(0.5)
    assert len(rows(log, "SELECT 1 FROM runs")) == 1
    holder.execute("COMMIT")
    holder.close()
    forget(log)
    assert runs.latest().history == run.history
    assert run.notes == []


def test_when_the_disk_stalls_steps_are_thinned_and_memory_stays_bounded(log, monkeypatch):
    monkeypatch.setattr(recorder, "WAITING", 1000)
    monkeypatch.setattr(recorder, "_MANY", 250)
    stall = threading.Event()
    write = writer.Session.write

    def stalled(self, recorders):
        stall.wait(20)
        write(self, recorders)

    monkeypatch.setattr(writer.Session, "write", stalled)
    run = runs.begin("fit", "slow disk", {}, {})
    (ear,) = writer_of(log)._recorders
    for step in range(1, 20_001):
        run.record_step(step, {"loss": -1.0 if step == 7777 else float(step)})
        if step % 100 == 0:
            run.tick()
            assert ear._batch.longest <= 1100
    run.record_epoch(1, {"loss": 1.0})
    stall.set()
    run.finish("finished")
    whole = run.steps("loss")
    assert 500 <= len(whole) <= 1100
    assert (whole.values.min(), whole.steps[-1]) == (-1.0, 20_000)
    assert run.notes == ["the disk did not keep up: the run log holds fewer steps than ran"]
    assert WAITING > 100_000


def test_a_run_is_written_within_its_interval_without_being_asked(log, train):
    train("one", finish=False)
    deadline = time.monotonic() + 20
    while not log.exists() or not rows(log, "SELECT 1 FROM sqlite_master"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    while not rows(log, "SELECT 1 FROM chunks"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_flush_of_nothing(log):
    assert writer.flush(log)
    assert not log.exists()


@pytest.mark.parametrize("number", range(3))
def test_ticks_and_commits_at_any_pace(log, number):
    random = np.random.default_rng(number)
    run = runs.begin("loop", "pace", {}, {})
    step = 0
    for _ in range(60):
        for _ in range(int(random.integers(0, 60))):
            step += 1
            run.record_step(step, {"loss": float(step)})
        run.tick()
        if random.random() < 0.3:
            writer.flush(log)
    run.finish("finished")
    np.testing.assert_array_equal(run.steps("loss").steps, np.arange(1, step + 1))


def test_what_could_not_be_written_goes_before_what_came_since(log, train):
    run = train("one", finish=False)
    ear = recorder.Recorder(run, lambda: None, lambda: None)
    for step in (1, 2, 3):
        fresh = Fresh(steps=[(step, {"loss": float(step), f"only {step}": 0.0})])
        ear.on_tick(run, fresh)
        if step == 1:
            taken = ear.take()
            assert not ear.take()
        if step == 2:
            ear.give_back(taken)
    series = {name: recorder.as_series(pair) for (_, name), pair in ear.take().series.items()}
    assert series["loss"].steps.tolist() == [1, 2, 3]
    assert {name: len(each) for name, each in series.items() if name != "loss"} == {
        "only 1": 1,
        "only 2": 1,
        "only 3": 1,
    }


def test_a_quiet_run_shows_that_it_is_alive(log, train, monkeypatch):
    monkeypatch.setattr("nbkeras.runs.log.session.HEARTBEAT", 0.0)
    train("one", finish=False)
    writer.flush(log)
    ((before,),) = rows(log, "SELECT heartbeat FROM runs")
    writer.flush(log)
    ((after,),) = rows(log, "SELECT heartbeat FROM runs")
    assert after > before


def test_reading_a_run_that_is_no_longer_in_the_log(log, train, forget):
    live = train("one")
    forget(log)
    stored = runs.latest()
    runs.delete("one")
    with pytest.raises(Refusal, match=f"run {live.id} is no longer in "):
        stored.steps("loss")
    writer_of(log).close()
    log.unlink()
    with pytest.raises(Refusal, match="is no longer in "):
        stored.series("loss")
    assert len(live.steps("loss")) == 20
    assert stored.history == live.history


@pytest.mark.skipif(sys.platform == "win32", reason="another way to lock files there")
@pytest.mark.parametrize("raises", [False, True])
def test_a_file_system_without_shared_memory(log, train, forget, monkeypatch, raises):
    class Connection(sqlite3.Connection):
        def execute(self, statement, *arguments):
            if raises and "WAL" in statement:
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(statement, *arguments)

    def connect(path, *, uri=False, **options):
        name, _, how = str(path).partition("?") if uri else (f"file:{path}", "", "mode=rwc")
        return real(f"{name}?{how}&vfs=unix-dotfile", uri=True, factory=Connection, **options)

    real = sqlite3.connect
    monkeypatch.setattr("nbkeras.runs.log.schema.sqlite3.connect", connect)
    run = train("one", finish=False)
    writer.flush(log)
    assert {path.name for path in log.parent.iterdir()} <= {"runs.sqlite", "runs.sqlite.lock"}
    run.record_epoch(3, {"loss": 0.1})
    run.finish("finished")
    assert len(run.steps("loss")) == 20
    forget(log)
    assert runs.latest().history == run.history
    assert run.notes == []
