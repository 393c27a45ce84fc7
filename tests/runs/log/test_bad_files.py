from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from contextlib import closing

import numpy as np
import pytest

from nbkeras import runs
from nbkeras.runs.log import session as sessions
from nbkeras.runs.log import writer
from nbkeras.runs.log.schema import open_for_writing
from nbkeras.runs.log.writer import writer_of
from nbkeras.runtime.refusal import Refusal


def text_file(log):
    log.write_text("my notes, not a run log\n" * 500)


def another_application(log):
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("PRAGMA application_id = 252006673")
        connection.execute("CREATE TABLE mine (word TEXT)")
        connection.execute("INSERT INTO mine VALUES ('precious')")
        connection.commit()


def unnamed_application(log):
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("CREATE TABLE mine (word TEXT)")
        connection.commit()


def truncated(log):
    with closing(open_for_writing(log)) as connection:
        connection.execute("INSERT INTO chunks VALUES (1, 0, 0, 0, 1, zeroblob(90000), zeroblob(9))")
    os.truncate(log, 9000)


def without_tables(log):
    with closing(open_for_writing(log)) as connection:
        connection.execute("DROP TABLE chunks")


@pytest.fixture
def folder(log):
    log.parent.mkdir()
    return log.parent


FOREIGN = [text_file, another_application, unnamed_application, truncated]


@pytest.mark.parametrize("make", [*FOREIGN, without_tables])
def test_what_is_no_sound_log_is_kept_aside_and_a_new_one_begun(log, folder, make, train, forget):
    make(log)
    before = log.read_bytes()
    run = train("one")
    forget(log)
    assert runs.latest().history == run.history
    aside = folder / "runs.sqlite.unreadable-1"
    assert aside.read_bytes() == before
    (note,) = run.notes
    assert note == (
        f"{log} was no sound run log: it is kept as runs.sqlite.unreadable-1, a new one was begun"
    )
    assert train("two").notes == []


def test_nothing_that_was_kept_aside_is_overwritten(log, folder, train):
    for number in (1, 2, 3):
        log.write_text(f"file {number}")
        (folder / "runs.sqlite-wal").write_text(f"wal {number}")
        train("run")
        writer_of(log).close()
        aside = folder / f"runs.sqlite.unreadable-{number}"
        assert aside.read_text() == f"file {number}"
        assert (folder / f"{aside.name}-wal").read_text() == f"wal {number}"
        log.unlink()


@pytest.mark.parametrize("make", FOREIGN)
def test_reading_what_is_no_log_changes_nothing_and_says_so(log, folder, make):
    make(log)
    before = log.read_bytes()
    listed = runs.all()
    assert listed == []
    assert "is no run log: the next run keeps it aside" in listed.notes[0]
    with pytest.raises(Refusal, match=r"no runs yet.*is no run log"):
        runs.latest()
    assert log.read_bytes() == before
    assert not list(folder.glob("*.unreadable-*"))


def test_an_empty_file_is_used(log, folder, train):
    log.touch()
    assert runs.all().notes == []
    assert train("one").notes == []
    assert len(runs.all()) == 1


def test_a_log_of_a_newer_version_is_left_alone(log, folder, train):
    with closing(open_for_writing(log)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = log.read_bytes()
    run = train("one")
    writer_of(log).close()
    assert log.read_bytes() == before
    assert run.notes == [
        f"the run log is off: {log} was written by a newer nbkeras, type %pip install -U nbkeras to use it"
    ]
    listed = runs.all()
    assert [each.name for each in listed] == ["one"]
    assert "was written by a newer nbkeras" in listed.notes[0]


def test_damage_in_mid_run(log, train, forget):
    run = train("one", finish=False)
    writer.flush(log)
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = log.stat().st_size
    with log.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    run.record_epoch(3, {"loss": 0.1})
    run.finish("finished")
    forget(log)
    assert runs.latest().history == run.history
    assert len(runs.latest().steps("loss")) == 20
    assert log.with_name("runs.sqlite.unreadable-1").exists()
    assert len(run.notes) == 1


def test_a_disk_that_damages_every_file_is_not_filled_with_them(log, train, monkeypatch):
    def broken(*_):
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(sessions.row, "insert", broken)
    run = train("one")
    writer_of(log).flush(10)
    assert "the run log is off" in run.notes[-1]
    assert len(list(log.parent.glob("*.unreadable-?"))) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_deleted_in_mid_run(log, train, forget, what):
    run = train("one", finish=False)
    run.add_event("before")
    run.tick()
    writer.flush(log)
    if what == "file":
        log.unlink()
    else:
        shutil.rmtree(log.parent)
    run.record_step(21, {"loss": 0.5})
    run.record_epoch(3, {"loss": 0.1})
    run.add_event("after")
    run.finish("finished")
    forget(log)
    stored = runs.latest()
    assert stored.history == run.history
    np.testing.assert_array_equal(stored.steps("loss").steps, np.arange(1, 22))
    assert [event.text for event in stored.events] == ["before", "after"]
    assert run.notes == [f"{log} was deleted or replaced: the run log goes on in a new one"]


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
def test_after_a_deletion_two_writers_meet_in_the_new_file(log, train, kernel):
    run = train("here", finish=False)
    writer.flush(log)
    other = kernel(
        "import sys\n"
        "from nbkeras import runs\n"
        "from nbkeras.runs.log import writer\n"
        "runs.set_log(sys.argv[1])\n"
        "run = runs.begin('fit', 'there', {}, {})\n"
        "for epoch, _ in enumerate(iter(sys.stdin.readline, ''), 1):\n"
        "    run.record_epoch(epoch, {'loss': float(epoch)})\n"
        "    run.tick()\n"
        "    print(writer.flush(runs.log_path()), flush=True)\n"
        "run.finish('finished')\n",
        log,
        stdin=-1,
    )

    def step():
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline().strip() == "True"

    step()
    log.unlink()
    for epoch in range(3, 6):
        run.record_epoch(epoch, {"loss": float(epoch)})
        run.tick()
        writer.flush(log)
        step()
    run.finish("finished")
    other.stdin.close()
    other.wait(20)
    writer_of(log).close()
    runs.registry._runs.clear()
    assert runs.get("here").history["loss"] == [1.0, 0.5, 3.0, 4.0, 5.0]
    assert runs.get("there").history["loss"] == [1.0, 2.0, 3.0, 4.0]
    with closing(sqlite3.connect(log)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
