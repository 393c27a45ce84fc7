"""Workers beside real engines of ipyparallel, in an IPython folder and with a profile of the test's own.

All are on this machine, and yet each has files of its own, and all that it and the notebook need of each
other comes through its engine: as on other hosts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from nbkeras import Refusal
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.hosts.cluster import HostsCluster
from nbkeras.cluster.hosts.profile import engines_of_profile
from nbkeras.cluster.hosts.starting import new_cluster
from nbkeras.training.on_cluster.exchanging import get, push
from nbkeras.widgets.workers import workers_bundle
from tests.cluster import test_controls
from tests.cluster.conftest import Notebook, costly, gone

ipyparallel = pytest.importorskip("ipyparallel")
PROFILE = "nbkeras-test"
ENDLESS = """
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, x[:, :1], batch_size=16, epochs=100_000, verbose=0)
print(len(history.epoch), int(model.optimizer.iterations.numpy()), os.getcwd() == HERE)
"""


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    """Two engines that a user has started."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("ipython")
        patch.setenv("IPYTHONDIR", str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patch.setenv("TF_USE_LEGACY_KERAS", "0")
        with pytest.raises(Refusal, match=r"expected one of IPython's profiles in .*: type  !ipy"):
            engines_of_profile(PROFILE)
        made = ipyparallel.Cluster(profile_dir=str(folder / f"profile_{PROFILE}"), n=2, log_level=50)
        made.start_cluster_sync()
        client = made.connect_client_sync()
        client.wait_for_engines(2, timeout=60, interactive=False)
        client.close()
        yield made
        made.stop_cluster_sync()


@pytest.fixture(scope="module")
def apart(engines):
    """A cluster beside them."""
    made = Notebook("keras")
    made.cluster = new_cluster(profile=PROFILE)
    made.start()
    yield made
    made.cluster.stop()


def test_they_train_as_workers_of_this_machine_do(apart):
    cluster = apart.cluster
    assert isinstance(cluster, HostsCluster)
    assert cluster.where == f"on {os.uname().nodename}, --profile {PROFILE}"
    table = workers_bundle("", cluster.healths, cluster.pids, hosts=cluster.hosts)["text/plain"]
    assert f"{cluster.pids[1]} on {os.uname().nodename}" in table
    assert len({*cluster.pids}) == len({kernel.folder for kernel in cluster._kernels}) == 2
    x = np.random.default_rng(1).random((96, 4)).astype("float32")
    push(cluster, {"x": x, "HERE": os.getcwd()})  # noqa: PTH109 - compared with the same there
    assert not [path for kernel in cluster._kernels for path in Path(kernel.folder).rglob("x.npy")]
    (run,) = apart.run(ENDLESS, max_time=1)
    assert (run.status, run.reason) == ("stopped", "time limit of 1s")
    assert apart.printed[0] == apart.printed[1] != ""
    assert apart.printed[0].endswith("True\n")
    weights = apart.value("[each.tolist() for each in model.get_weights()]")
    assert weights[0] == weights[1]
    trained = get(cluster, "model", {})
    assert [each.tolist() for each in trained.get_weights()] == weights[0]
    assert "oneDNN" in cluster.log_of(1) or not cluster.log_of(1)


@pytest.mark.costly
def test_pause_learning_rate_and_stop(apart, during):
    test_controls.test_pause_learning_rate_and_stop(apart, during)
    assert "lost" not in "".join(apart.said)


def test_folders_that_hosts_do_not_see(apart, tmp_path, monkeypatch):
    """What one host alone does not see stands for a folder that is not there: all of them are here."""
    monkeypatch.chdir(tmp_path)
    cluster = apart.cluster
    assert cluster.unseen([tmp_path]) == {}
    monkeypatch.setattr(cluster, "unseen", lambda folders: {folder: [1] for folder in folders})
    with pytest.raises(
        Refusal, match=r"backup: expected a folder that the workers' hosts share .* rank 1 on"
    ):
        apart.run(ENDLESS, backup="backups")
    apart.said.clear()
    apart.run("print(os.getcwd())", checkpoint="best.keras")
    assert apart.printed[0] == f"{tmp_path}\n"
    assert apart.printed[1] == f"{cluster._kernels[1].folder}\n"
    assert f"does not see {tmp_path}: relative paths" in "".join(apart.said)
    monkeypatch.undo()
    apart.run("")


def test_an_error_and_a_refusal_come_back(apart):
    with pytest.raises(WorkerFailure, match="rank 1 raised ZeroDivisionError") as caught:
        apart.run("if rank: 1 / 0")
    assert caught.value.all_are_back
    with pytest.raises(Refusal, match="a multiple of the 2 replicas"):
        apart.run(ENDLESS.replace("batch_size=16", "batch_size=15"))
    assert apart.cluster.runs


def test_another_notebook_is_refused(apart):
    other = new_cluster(profile=PROFILE)
    with pytest.raises(WorkerFailure, match="its engine has a worker of another notebook"):
        other.start()
    other.stop()
    assert apart.value("1 + 1") == [2, 2]
    with pytest.raises(Refusal, match="--workers: expected 2 or fewer, because so many engines run"):
        new_cluster(3, profile=PROFILE)


@costly
def test_a_killed_worker_is_started_anew(apart, tmp_path):
    push(apart.cluster, {"x": np.ones((96, 4), "float32"), "HERE": ""})
    mark = f"open({str(tmp_path / 'mark')!r}, 'x').close()"
    kill = f"lambda epoch, logs: epoch == 2 and rank and ({mark}, os.kill(os.getpid(), signal.SIGKILL))"
    once = f"[keras.callbacks.LambdaCallback(on_epoch_begin={kill})]"
    cell = ENDLESS.replace("100_000", "5").replace("verbose=0", f"verbose=0, callbacks={once}")
    cell = cell.replace("model =", f"kept = os.path.exists({str(tmp_path / 'mark')!r})\nmodel =", 1)
    cell = cell.replace("rank and (", "rank and not kept and (")
    run = apart.run(cell, backup=tmp_path / "backups")[-1]
    assert run.status == "finished"
    assert apart.value("len(history.epoch)") == [5, 5]
    assert any("rank 1 was ended by SIGKILL; retry 1 of 2" in each for each in apart.said)


@costly
def test_an_engine_that_stands_still_is_told(apart):
    engine = apart.cluster._kernels[1].parent
    threading.Timer(2.0, os.kill, (engine, signal.SIGSTOP)).start()
    began = time.monotonic()
    try:
        with pytest.raises(WorkerFailure, match=r"rank 1 was not heard of for .* its engine on .* does not"):
            apart.run("import time\ntime.sleep(60)")
    finally:
        os.kill(engine, signal.SIGCONT)
    assert time.monotonic() - began < 25
    pids = apart.cluster.pids
    folders = [kernel.folder for kernel in apart.cluster._kernels]
    apart.cluster.stop()
    end = time.monotonic() + 10
    while not all(map(gone, pids)) or any(Path(each).exists() for each in folders):
        assert time.monotonic() < end
        time.sleep(0.1)


PROGRAM = """
import time
from nbkeras.cluster.hosts.starting import new_cluster
cluster = new_cluster(profile={profile!r})
cluster.start()
print(*cluster.pids, *[kernel.folder for kernel in cluster._kernels], flush=True)
time.sleep(3600)
"""


@costly
def test_workers_end_with_a_notebook_that_is_killed(apart):
    apart.cluster.stop()
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM.format(profile=PROFILE))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        *pids, first, second = process.stdout.readline().split()
        assert len(pids) == 2
        os.killpg(process.pid, signal.SIGKILL)
    end = time.monotonic() + 30
    while not all(gone(int(pid)) for pid in pids) or Path(first).exists() or Path(second).exists():
        assert time.monotonic() < end
        time.sleep(0.1)


@costly
def test_engines_that_were_started_end_with_a_notebook_that_is_killed(tmp_path, monkeypatch):
    """Where none run, the notebook starts them, and their controller."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    profile = tmp_path / f"profile_{PROFILE}"
    profile.mkdir()
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM.format(profile=PROFILE))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        *pids, _, _ = process.stdout.readline().split()
        assert len(pids) == 2
        started = [each.pid for each in psutil.process_iter() if str(profile) in " ".join(_environment(each))]
        assert len(started) >= 3
        os.killpg(process.pid, signal.SIGKILL)
    end = time.monotonic() + 60
    while not all(gone(int(pid)) for pid in (*pids, *started)):
        assert time.monotonic() < end
        time.sleep(0.1)


def _environment(process):
    try:
        return process.environ().get("IPP_PROFILE_DIR", ""), *process.cmdline()
    except psutil.Error:
        return ()


@costly
def test_an_engine_that_is_killed_is_told(apart):
    apart.cluster.stop()
    made = Notebook("keras")
    made.cluster = new_cluster(profile=PROFILE)
    made.start()
    pids, parents = made.cluster.pids, [kernel.parent for kernel in made.cluster._kernels]
    threading.Timer(2.0, os.kill, (parents[1], signal.SIGKILL)).start()
    with pytest.raises(WorkerFailure, match=r"rank 1 was (lost: its engine on .* ended|not heard of for)"):
        made.run("import time\ntime.sleep(60)")
    with pytest.raises(Refusal, match="expected engine 1 to answer within 30 s, received IndexError"):
        made.run("1")
    made.cluster.stop()
    end = time.monotonic() + 10
    while not all(map(gone, pids)):
        assert time.monotonic() < end
        time.sleep(0.1)
