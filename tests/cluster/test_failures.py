"""A worker that raises, dies, stands still or never starts: the others are freed, and it is said which."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from nbkeras import Refusal
from nbkeras.cluster import current
from nbkeras.cluster.cluster import Cluster
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.training.on_cluster.exchanging import get, push
from tests.cluster.conftest import GRID, costly, gone, nothing_is_left_after

TRAINING = """
class At(keras.callbacks.Callback):
    def __init__(self, what):
        super().__init__()
        self.what = what

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2 and rank == 1:
            self.what()

x = np.ones((96, 4), "float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], batch_size=16, epochs=3, verbose=0, callbacks=[At(lambda: WHAT)])
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        pytest.param("1 / 0", "rank 1 raised ZeroDivisionError: division by zero", marks=costly),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", "rank 1 was ended by SIGKILL", marks=costly),
        pytest.param("os._exit(3)", "rank 1 ended with exit code 3", marks=costly),
        ("time.sleep(3600)", r"rank 1 stood at one place for \d+ s \(line 13 of the cell\) while the others"),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGSTOP)",
            r"rank 1 was not heard of for \d+ s: its process stands",
            marks=costly,
        ),
    ],
)
def test_worker_fails_in_a_training(impatient, what, said):
    impatient.run("")
    pids = impatient.cluster.pids
    with pytest.raises(WorkerFailure, match=said) as caught:
        impatient.run(TRAINING.replace("WHAT", what))
    assert caught.value.rank == 1
    assert not impatient.cluster.runs
    assert all(gone(pid) for pid in pids)
    assert impatient.cluster.healths[1].state == "failed"


@costly
def test_generator_stands_still(impatient):
    cell = """
    import tensorflow as tf
    def batches():
        for step in range(9):
            time.sleep(3600 if step == 3 and rank == 1 else 0)
            yield x[:16], x[:16, :1]
    shapes = tf.TensorSpec((16, 4)), tf.TensorSpec((16, 1))
    own = tf.data.Options()
    own.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    data = tf.data.Dataset.from_generator(batches, output_signature=shapes).with_options(own)
    model.fit(data, verbose=0)
    """
    impatient.run(TRAINING.replace("WHAT", "None"))
    with pytest.raises(WorkerFailure, match=r"rank 1 stood at one place for \d+ s \(line 4 of the cell\)"):
        impatient.run(textwrap.dedent(cell))


def test_error_of_all_leaves_the_cluster_as_it_is(impatient):
    impatient.run("kept = 3")
    with pytest.raises(
        WorkerFailure, match="rank 0 raised NameError: name 'nothing' is not defined"
    ) as caught:
        impatient.run("nothing")
    assert caught.value.all_are_back
    assert any("NameError" in line for line in caught.value._render_traceback_())
    assert impatient.value("kept") == [3, 3]


def test_exit_in_a_cell_is_refused(impatient):
    for word in ("exit", "quit()"):
        with pytest.raises(
            Refusal, match="exit: expected a cell that leaves its workers as they are, received"
        ):
            impatient.run(word)
    assert impatient.value("1 + 1") == [2, 2]


def test_errors_of_tensorflow_are_one_line(impatient):
    said = "rank 0 raised InvalidArgumentError: {{function_node __wrapped__CheckNumerics"
    with pytest.raises(WorkerFailure, match=re.escape(said)) as caught:
        impatient.run("import tensorflow as tf\ntf.debugging.check_numerics([np.inf], 'no\\nnumber')")
    assert "\n" not in str(caught.value)
    assert impatient.cluster.runs


def test_a_worker_that_dies_between_cells_is_told_and_the_others_are_freed(impatient, monkeypatch):
    monkeypatch.setattr(current, "_current", impatient.cluster)
    impatient.run("kept = 3")
    pids = impatient.cluster.pids
    os.kill(pids[1], signal.SIGKILL)
    # Its threads take a moment.
    while impatient.cluster.runs:
        time.sleep(0.01)
    with pytest.raises(Refusal, match=r"ended ones \(rank 1 was ended by SIGKILL\): run a %%cluster cell"):
        current.needed(running=True)
    assert [health.state for health in impatient.cluster.healths] == ["ended", "failed"]
    assert gone(pids[0])


@costly
def test_a_worker_that_stands_still_between_cells(impatient):
    """The next cell would wait for it for ever, and so would variables on their way."""
    acts = (
        lambda: impatient.run("1 + 1"),
        lambda: push(impatient.cluster, {"kept": 4}),
        lambda: get(impatient.cluster, "kept", {}),
    )
    for act in acts:
        impatient.run("kept = 3")
        os.kill(impatient.cluster.pids[1], signal.SIGSTOP)
        with pytest.raises(WorkerFailure, match=r"rank 1 was not heard of for 1\d s: its process stands"):
            act()
        assert not impatient.cluster.runs


@costly
def test_long_work_of_all_is_no_standstill(impatient):
    impatient.run("for _ in range(5): time.sleep(1)")
    assert impatient.cluster.runs


class SlowToRead:
    def __reduce__(self):
        return time.sleep, (12,)


@costly
def test_variables_that_take_long_are_no_standstill(impatient):
    push(impatient.cluster, {"slow": SlowToRead()})
    assert impatient.cluster.runs


def test_worker_that_never_starts():
    cluster = Cluster(2, deadline=5.0)

    def stop_it():
        while not all(cluster.pids or [None]):
            time.sleep(0.01)
        os.kill(cluster.pids[1], signal.SIGSTOP)

    threading.Thread(target=stop_it).start()
    with pytest.raises(
        WorkerFailure, match=r"rank 1 has not joined within 5 s \(starts\): type  %cluster start"
    ):
        cluster.start()
    assert all(gone(pid) for pid in cluster.pids)
    cluster.stop()


def test_interrupted_start_leaves_nothing(python_interrupts):
    cluster = Cluster(2)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        cluster.start()
    assert not cluster.runs
    assert all(gone(pid) for pid in cluster.pids)
    assert str(cluster.broken) == "rank 0 was interrupted before all had joined"
    cluster.stop()


def test_worker_that_cannot_start():
    cluster = Cluster(2)
    with pytest.raises(WorkerFailure, match="rank 1 ended with exit code 1"):
        cluster.start(environment={1: {"PYTHONHOME": "/nowhere"}})
    cluster.stop()


@pytest.mark.parametrize("busy", [False, True] if GRID else [True])
def test_workers_end_with_the_process_that_started_them(busy):
    program = f"""
    import threading, time
    from nbkeras.cluster.cluster import Cluster
    cluster = Cluster(2)
    cluster.start()
    code = "import os, time, tensorflow as tf\\nfrom nbkeras.cluster.worker import here\\n"
    # One waits in a collective operation for the other, which sleeps.
    code += "strategy = here().strategy\\nif here().rank: time.sleep(3600)\\n"
    code += "strategy.reduce('SUM', strategy.run(lambda: tf.constant(1.0)), axis=None)"
    print(cluster.folder, *cluster.pids, flush=True)
    if {busy}:
        cluster.request(code)
    time.sleep(3600)
    """
    nothing_is_left_after(program, 2)


@pytest.mark.parametrize("state", [pytest.param("broken", marks=costly), "half started"])
def test_the_folder_goes_with_a_killed_process_that_has_no_workers(state):
    program = f"""
    import os, threading, time
    from nbkeras.cluster.cluster import Cluster
    cluster = Cluster(2)
    if {state == "broken"}:
        try:
            cluster.start(environment={{1: {{"PYTHONHOME": "/nowhere"}}}})
        except RuntimeError as error:
            assert cluster.broken is error
    else:
        threading.Thread(target=cluster.start, daemon=True).start()
        while not all(cluster.pids or [None]):
            time.sleep(0.01)
    print(cluster.folder, flush=True)
    time.sleep(3600)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        os.killpg(process.pid, signal.SIGKILL)
    end = time.monotonic() + 30
    while folder.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
