from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nbkeras import runs
from nbkeras.runs.log import session as sessions
from nbkeras.runs.log import writer
from nbkeras.runs.log.writer import writer_of

REMEDY = "nbkeras.runs.set_log(PATH) keeps it elsewhere"


def check_that_training_goes_on(log, train, words):
    run = train("one", finish=False)
    writer_of(log).flush()
    run.record_epoch(3, {"loss": 0.1})
    run.finish("finished")
    writer_of(log).flush()
    (note,) = run.notes
    assert note.startswith("the run log is off: ")
    assert words in note
    assert note.endswith(REMEDY)
    assert runs.latest() is run
    assert run.history["loss"] == [1.0, 0.5, 0.1]
    assert len(run.steps("loss")) == 20


def test_a_folder_that_cannot_be_made(tmp_path, train):
    (tmp_path / "file").write_text("in the way")
    log = tmp_path / "file" / "runs.sqlite"
    runs.set_log(log)
    check_that_training_goes_on(log, train, f"{log} cannot be written (")


def test_a_folder_in_place_of_the_file(log, train):
    log.mkdir(parents=True)
    check_that_training_goes_on(log, train, "unable to open database file")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_file_system_that_takes_no_files(train):
    runs.set_log("/proc/nbkeras/runs.sqlite")
    check_that_training_goes_on(runs.log_path(), train, "cannot be written (")


UNPRIVILEGED = """
import os, sys
from nbkeras import runs
from nbkeras.runs.log import writer
runs.latest  # Read all code before the right to read it goes.
if os.geteuid() == 0:
    os.setuid(65534)
runs.set_log(sys.argv[1])
run = runs.begin("fit", "one", {}, {})
run.record_epoch(1, {"loss": 1.0})
run.finish("finished")
writer.flush(runs.log_path())
print(run.history["loss"], run.notes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_cannot_be_written(kernel, there):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if there:
            (folder / ".nbkeras").mkdir()
            (folder / ".nbkeras").chmod(0o555)
        folder.chmod(0o555)
        out = kernel(UNPRIVILEGED, folder / ".nbkeras" / "runs.sqlite").communicate(timeout=60)[0]
        folder.chmod(0o755)
    assert out.startswith("[1.0] ['the run log is off: ")
    assert "cannot be written (permission denied)" in out
    assert out.count("the run log is off") == 1


def test_a_disk_that_fills_up_in_mid_run(log, train, monkeypatch, forget):
    monkeypatch.setattr(sessions, "open_for_writing", _small(sessions.open_for_writing, 6))
    run = train("one", finish=False)
    assert writer.flush(log)
    assert run.notes == []
    for step in range(21, 40_000):
        run.record_step(step, {"loss": step / 3})
    run.tick()
    writer.flush(log)
    assert run.notes == [f"the run log is off: {log} cannot be written (the disk is full), {REMEDY}"]
    run.record_epoch(3, {"loss": 0.1})
    run.finish("stopped", "stop button")
    forget(log)
    # What was written before is there, and so is the end: it does not read as interrupted.
    stored = runs.latest()
    assert stored.history["loss"] == [1.0, 0.5]
    assert (stored.status, stored.reason) == ("stopped", "stop button")
    assert stored.notes == run.notes
    assert runs.begin("fit", "next", {}, {}).notes == []


def _small(open_for_writing, pages):
    def open_small(path):
        connection = open_for_writing(path)
        (size,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {size + pages}")
        return connection

    return open_small


LIMITED = """
import resource, signal, sys
from nbkeras import runs
from nbkeras.runs.log import writer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
runs.set_log(sys.argv[1])
run = runs.begin("fit", "one", {}, {})
for step in range(1, 50_001):
    run.record_step(step, {"loss": step / 3})
    if step % 1000 == 0:
        run.tick()
        writer.flush(runs.log_path())
run.record_epoch(1, {"loss": 1.0})
run.finish("finished")
print(run.history["loss"], run.notes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")
@pytest.mark.parametrize("limit", [10_000, 100_000, 300_000])
def test_a_disk_that_really_refuses_to_write(log, kernel, limit):
    process = kernel(LIMITED, log, limit, stderr=subprocess.PIPE)
    out, errors = process.communicate(timeout=60)
    assert errors == ""
    assert process.returncode == 0
    assert out.startswith("[1.0] ['the run log is off: ")
    assert out.count("the run log is off") == 1


def test_any_other_failure_of_the_writer(log, train, monkeypatch):
    def broken(*_):
        raise MemoryError

    monkeypatch.setattr(sessions.row, "insert", broken)
    check_that_training_goes_on(log, train, "MemoryError")


def test_no_thread_can_be_started(log, train, monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(writer.threading.Thread, "start", refuse)
    run = train("one")
    assert run.notes == ["the run log is off: can't start new thread"]
    monkeypatch.setattr(writer, "_writers", {})


def test_an_io_error_in_mid_run(log, train, monkeypatch):
    run = train("one", finish=False)
    writer.flush(log)

    def broken(*_):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(sessions.row, "update", broken)
    run.record_epoch(3, {"loss": 0.1})
    run.tick()
    writer.flush(log)
    run.finish("finished")
    writer.flush(log)
    assert run.notes == [f"the run log is off: {log} cannot be written (disk I/O error), {REMEDY}"]
