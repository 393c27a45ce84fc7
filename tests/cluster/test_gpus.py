"""Which GPUs each process of a cluster has: CI's machines have none, so their number is given."""

from __future__ import annotations

import pytest

from nbkeras.cluster import cluster as clusters
from nbkeras.cluster import gpus
from nbkeras.cluster.cluster import Cluster
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.gpus import VARIABLE, own_gpus, shared_gpus
from nbkeras.cluster.served import ServedCluster
from nbkeras.devices.nvidia import Gpu, Nvidia
from nbkeras.training.on_cluster import script_gpus
from nbkeras.training.on_cluster.options import cell_options
from nbkeras.training.on_cluster.plain import plain_script
from nbkeras.training.on_cluster.served_script import served_script
from tests.cluster.conftest import Notebook, costly

WORKER, CHIEF, SERVER = "worker", "coordinator", "parameter server"


@pytest.mark.parametrize(
    ("names", "roles", "visible", "line"),
    [
        ("0 1", [WORKER] * 2, ["0", "1"], ""),
        ("3 1 GPU-a GPU-b", [WORKER] * 2, ["3,1", "GPU-a,GPU-b"], ""),
        ("0 1", [CHIEF, WORKER, WORKER, SERVER], ["-1", "0", "1", "-1"], ""),
        ("0 1 2", [WORKER] * 2, ["0", "1"], "3 GPUs for 2 workers: each has 1, and 1 is left over"),
        ("0 1", [WORKER] * 3, ["-1"] * 3, "2 GPUs for 3 workers: they train on the CPU; one for each:  "),
        (
            "0",
            [CHIEF, WORKER, WORKER],
            ["-1"] * 3,
            "1 GPU for 2 workers: they train on the CPU; one for each",
        ),
        ("0 1", [WORKER], ["0,1"], ""),
        ("", [CHIEF, WORKER, WORKER, SERVER], ["-1", None, None, "-1"], ""),
    ],
)
def test_workers_get_equal_shares(names, roles, visible, line):
    added, said = shared_gpus(names.split(), roles)
    assert [each.get(VARIABLE) for each in added] == visible
    assert said.startswith(line)
    assert bool(said) == bool(line)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ["0", "1", "2"]),
        ("2, 0", ["2", "0"]),
        ("GPU-c,GPU-a", ["GPU-c", "GPU-a"]),
        ("1,7,0", ["1"]),
        ("-1", []),
        ("", []),
    ],
)
def test_those_that_this_process_may_use(monkeypatch, value, names):
    machine = Nvidia(tuple(Gpu("A100", uuid=f"GPU-{each}") for each in "abc"))
    monkeypatch.setattr(gpus, "nvidia", lambda: machine)
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert own_gpus() == names


class Kernel:
    """Notes what a process would be started with, and starts none."""

    path, sockets, ending, pid = (), (), None, None

    def __init__(self, rank, started):
        self.rank, self.started = rank, started

    def start(self, environment):
        self.started.append(environment.get(VARIABLE))

    def send(self, *_):
        raise WorkerFailure(self.rank, "was not started")

    def said(self):
        return ""

    def kill(self):
        pass


@pytest.mark.parametrize(
    ("made", "names", "visible", "said"),
    [
        (lambda: Cluster(2), ["4", "5"], ["4", "5"], ""),
        (lambda: ServedCluster(2, 1), ["4", "5"], ["-1", "4", "5", "-1"], ""),
        (lambda: Cluster(2), ["4"], ["-1", "-1"], "1 GPU for 2 workers: they train on the CPU"),
        (lambda: Cluster(2), [], [None, None], ""),
    ],
)
def test_processes_are_started_with_them(monkeypatch, made, names, visible, said):
    monkeypatch.setattr(clusters, "own_gpus", lambda: names)
    cluster, started = made(), []
    monkeypatch.setattr(cluster, "_new_kernels", lambda: [Kernel(r, started) for r in range(cluster.size)])
    with pytest.raises(WorkerFailure, match="rank 0 was not started"):
        cluster.start()
    assert started == visible
    assert bool(cluster.news) == bool(said)
    assert "".join(cluster.news).startswith(said)
    cluster.stop()


@costly
def test_real_workers_have_them(monkeypatch):
    monkeypatch.setattr(clusters, "own_gpus", lambda: ["6", "7"])
    notebook = Notebook("keras")
    try:
        notebook.start()
        assert notebook.value(f'os.environ["{VARIABLE}"]') == ["6", "7"]
    finally:
        notebook.cluster.stop()


def test_scripts_share_them_out_too(monkeypatch):
    cell, options = "model.fit(x, y)", cell_options()
    monkeypatch.setattr(script_gpus, "own_gpus", list)
    assert VARIABLE not in plain_script(cell, options, 2) + served_script(cell, options, 2, 1)
    monkeypatch.setattr(script_gpus, "own_gpus", lambda: ["0", "1", "2"])
    script = plain_script(cell, options, 2)
    assert "# 3 GPUs for 2 workers: each has 1, and 1 is left over.\n" in script
    assert "GPUS = ['0', '1']\n" in script
    assert f'"{VARIABLE}": GPUS[rank]' in script
    script = served_script(cell, options, 2, 1)
    assert "GPUS = ['-1', '0', '1', '-1']\n" in script
    assert f'"{VARIABLE}": GPUS[len(running)]' in script
