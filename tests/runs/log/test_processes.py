from __future__ import annotations

import os
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from nbkeras import runs
from nbkeras.runs.log.writer import writer_of

pytestmark = pytest.mark.kernel

TRAIN = """
import sys, time
from nbkeras import runs
runs.set_log(sys.argv[1])
run = runs.begin("fit", sys.argv[2], {}, {})
end = time.monotonic() + float(sys.argv[3])
step = 0
while time.monotonic() < end:
    step += 1
    run.progress.done = step
    run.record_step(step, {"loss": 1 / step, "accuracy": step / 1e6})
    if step % 10 == 0:
        run.tick()
        print(step, time.time(), flush=True)
    if step % 100 == 0:
        run.record_epoch(step // 100, {"loss": 1 / step})
    time.sleep(0.001)
run.finish("finished")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_kernel_loses_at_most_its_last_second(log, kernel):
    other = kernel(TRAIN, log, "doomed", 60)
    begun = time.time()
    lines = [other.stdout.readline().split()]
    under_way = time.time()
    while time.time() < under_way + 2:
        lines.append(other.stdout.readline().split())
        if len(lines) == 20:
            while not log.exists() or not runs.all():
                time.sleep(0.02)
            assert runs.get("doomed").status == "running"
    other.send_signal(signal.SIGKILL)
    killed = time.time()
    lines += [line.split() for line in other.communicate()[0].splitlines()]
    expected = max(int(step) for step, moment in lines if float(moment) < killed - 1)
    run = runs.get("doomed")
    assert (run.status, run.reason) == ("interrupted", "the kernel ended")
    assert begun < run.created < run.ended <= killed
    whole = run.steps("loss")
    assert expected <= len(whole)
    np.testing.assert_array_equal(whole.steps, np.arange(1, len(whole) + 1))
    np.testing.assert_array_equal(whole.values, 1 / whole.steps)
    assert run.progress.done >= expected
    assert len(run.history["loss"]) >= expected // 100 - 1
    # Its file is good to go on with.
    runs.begin("fit", "next", {}, {}).finish("finished")
    runs.registry._runs.clear()
    assert [each.status for each in runs.all()] == ["interrupted", "finished"]


def test_two_kernels_write_one_log_at_once(log, kernel):
    others = [kernel(TRAIN, log, f"kernel {number}", 1) for number in range(2)]
    printed = [other.communicate(timeout=60)[0].splitlines() for other in others]
    assert [other.returncode for other in others] == [0, 0]
    for number, lines in enumerate(printed):
        run = runs.get(f"kernel {number}")
        assert (run.status, run.notes) == ("finished", [])
        whole = run.steps("accuracy")
        assert len(whole) >= int(lines[-1].split()[0])
        np.testing.assert_array_equal(whole.steps, np.arange(1, len(whole) + 1))
    with closing(sqlite3.connect(log)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert [path.name for path in log.parent.iterdir()] == ["runs.sqlite"]


def test_many_kernels_make_one_log_at_the_same_moment(log, kernel):
    code = (
        "import sys, time\n"
        "from nbkeras import runs\n"
        "runs.set_log(sys.argv[1])\n"
        "runs.begin\n"
        "time.sleep(max(0, float(sys.argv[2]) - time.time()))\n"
        "run = runs.begin('fit', 'one of many', {}, {})\n"
        "run.finish('finished')\n"
        "runs.all()\n"
        "print(run.notes)\n"
    )
    moment = time.time() + 2
    others = [kernel(code, log, moment) for _ in range(4)]
    assert [other.communicate(timeout=60)[0].strip() for other in others] == ["[]"] * 4
    assert len(runs.all()) == 4


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise KeyboardInterrupt"])
def test_a_process_that_ends_writes_what_it_has(log, kernel, ending):
    code = (
        "import sys\n"
        "from nbkeras import runs\n"
        "runs.set_log(sys.argv[1])\n"
        "run = runs.begin('fit', 'short', {}, {})\n"
        "run.record_epoch(1, {'loss': 1.0})\n"
        "run.tick()\n"
        f"{ending}\n"
    )
    other = kernel(code, log, stderr=-1)
    other.communicate(timeout=60)
    run = runs.latest()
    assert run.history == {"loss": [1.0]}
    assert run.status == "interrupted"
    assert [path.name for path in log.parent.iterdir()] == ["runs.sqlite"]


FORK = """
import os, sys, threading, warnings
from nbkeras import runs
from nbkeras.runs.log import writer
warnings.simplefilter("ignore", DeprecationWarning)  # Forking with threads: what is tried here.
runs.set_log(sys.argv[1])
run = runs.begin("fit", "parent", {}, {})
for epoch in range(1, 9):
    run.record_epoch(epoch, {"loss": float(epoch)})
    run.tick()
    writer.flush(runs.log_path())
    child = os.fork()
    if not child:
        # The copy is inert, and what is begun here is this process's own.
        run.record_epoch(100, {"loss": -1.0})
        run.tick()
        run.finish("failed")
        assert [each.name for each in runs.all()][0] == "parent"
        assert runs.get("parent").status == "running"
        own = runs.begin("fit", f"child {epoch}", {}, {})
        own.record_epoch(1, {"loss": 0.0})
        own.finish("finished")
        if epoch % 2:
            writer.flush(runs.log_path())
            os._exit(0)
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
run.finish("finished")
print(run.notes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_in_mid_run(log, kernel):
    other = kernel(FORK, log)
    assert other.communicate(timeout=60)[0].strip() == "[]"
    assert other.returncode == 0
    assert runs.get("parent").history == {"loss": [float(epoch) for epoch in range(1, 9)]}
    assert runs.get("parent").status == "finished"
    assert {run.name for run in runs.all()} == {"parent", *(f"child {n}" for n in range(1, 9))}


@pytest.mark.skipif(sys.platform == "win32", reason="a current directory cannot go away there")
def test_the_current_directory_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    run = runs.begin("fit", "nowhere", {}, {})
    run.finish("finished")
    assert run.notes[0].startswith("the run log is off: ")
    assert [each.name for each in runs.all()] == ["nowhere"]
    monkeypatch.chdir(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are others there")
def test_a_log_in_a_folder_that_cannot_be_written_is_read(train, forget, kernel):
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "runs.sqlite"
        runs.set_log(log)
        run = train("one")
        forget(log)
        writer_of(log).close()
        log.chmod(0o444)
        log.parent.chmod(0o555)
        code = (
            "import os, sys\n"
            "from nbkeras import runs\n"
            "runs.set_log(sys.argv[1])\n"
            "runs.all()  # Read all code before the right to read it goes.\n"
            "if os.geteuid() == 0:\n"
            "    os.setuid(65534)\n"
            "print(runs.all().notes or runs.latest().history['loss'])\n"
        )
        out = kernel(code, log).communicate(timeout=60)[0].strip()
        assert out == str(run.history["loss"])
        log.parent.chmod(0o755)
