"""Which GPUs each process of a cluster has: CI's machines have none, so their number is given."""

from __future__ import annotations

import pytest

from nbkeras.cluster import gpus
from nbkeras.cluster.gpus import VARIABLE, own_gpus, shared_gpus
from nbkeras.devices.nvidia import Gpu, Nvidia

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
