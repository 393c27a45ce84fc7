"""Two hosts of their own: network namespaces of this machine, joined by a bridge, with an engine in each.

They share files, processes and boot, and nothing of the network: what reaches a worker there goes over the
bridge, and a host is lost when its link is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.hosts.starting import new_cluster
from nbkeras.training.on_cluster.exchanging import push
from tests.cluster import test_failures, test_retries, test_training
from tests.cluster.conftest import LINES, Notebook, costly, gone

ipyparallel = pytest.importorskip("ipyparallel")
# Of TEST-NET-2, which no other network has.
NET = "198.51.100"
BRIDGE = f"nbk{os.getpid() % 10_000}"
PROFILE = "nbkeras-hosts"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def hosts():
    """Names of two namespaces with the addresses .1 and .2; the bridge has .254."""
    if shutil.which("ip") is None:
        pytest.skip("no program ip: Debian's package iproute2 has it")
    names = [f"{BRIDGE}-{number}" for number in (1, 2)]
    try:
        try:
            ip("link", "add", BRIDGE, "type", "bridge")
            ip("addr", "add", f"{NET}.254/24", "dev", BRIDGE)
            ip("link", "set", BRIDGE, "up")
            for number, name in enumerate(names, 1):
                ip("netns", "add", name)
                ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
                ip("link", "set", name, "master", BRIDGE, "up")
                ip("-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
                ip("-n", name, "link", "set", "eth0", "up")
                ip("-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces: {error.stderr.decode().strip()}")
        yield names
    finally:
        for name in names:
            # The namespace itself stays until its last socket has given up.
            for words in (["link", "del", name], ["netns", "del", name]):
                subprocess.run(["ip", *words], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)


@pytest.fixture(params=LINES)
def apart(request, hosts, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(request.param == "tf_keras")))
    folder = tmp_path / f"profile_{PROFILE}"
    controller = ipyparallel.Cluster(
        profile_dir=str(folder), cluster_id="", controller_ip=f"{NET}.254", log_level=50
    )
    controller.start_controller_sync()
    engines = []
    try:
        file = folder / "security" / "ipcontroller-engine.json"
        while not file.exists():
            time.sleep(0.1)
        for name in hosts:
            command = [
                "ip",
                "netns",
                "exec",
                name,
                sys.executable,
                "-m",
                "ipyparallel.engine",
                f"--file={file}",
            ]
            engines.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        with controller.connect_client_sync() as client:
            client.wait_for_engines(2, timeout=60, interactive=False)
        made = Notebook(request.param)
        made.cluster = new_cluster(profile=PROFILE)
        try:
            made.start()
            yield made
        finally:
            made.cluster.stop()
    finally:
        for engine in engines:
            engine.kill()
            engine.wait()
        controller.stop_cluster_sync()


@costly
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_all_is_as_on_one_host(apart, tmp_path):
    """The tests of workers on one machine, with workers on two."""
    for name in test_training.CASES:
        test_training.test_workers_agree_with_each_other_and_with_one_process(apart, name)
    test_training.test_variables_and_models_go_both_ways(apart)
    with pytest.raises(WorkerFailure, match="rank 1 raised ZeroDivisionError: division by zero"):
        apart.run(test_failures.TRAINING.replace("WHAT", "1 / 0"))
    test_retries.test_a_killed_worker_changes_nothing(apart, tmp_path, 3, 12)


@costly
def test_workers_on_two_hosts(apart, hosts):
    cluster = apart.cluster
    x = np.random.default_rng(1).random((96, 4)).astype("float32")
    push(cluster, {"x": x})
    cell = """
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, x[:, :1], batch_size=16, epochs=100_000, verbose=0)
print(len(history.epoch), int(model.optimizer.iterations.numpy()))
"""
    (run,) = apart.run(cell, max_time=1)
    assert (run.status, run.reason) == ("stopped", "time limit of 1s")
    assert apart.printed[0] == apart.printed[1] != ""
    weights = apart.value("[each.tolist() for each in model.get_weights()]")
    assert weights[0] == weights[1]
    addresses = apart.value(
        '[each.rpartition(":")[0] for each in json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]]'
    )
    assert sorted(addresses[0]) == [f"{NET}.1", f"{NET}.2"]

    # A link that is cut: rank 1 is the host that is not heard of.
    lost = hosts[int(addresses[0][1].rpartition(".")[2]) - 1]
    pids = cluster.pids
    cut = threading.Timer(2.0, ip, ("link", "set", lost, "down"))
    cut.start()
    began = time.monotonic()
    with pytest.raises(WorkerFailure, match=r"rank 1 was not heard of for 1\d s: its engine on .* does not"):
        apart.run(cell)
    assert time.monotonic() - began < 2 + 15 + 5
    assert gone(pids[0])
    # Nobody can reach the other one: it ends when it has heard nothing of the notebook for its lease.
    end = time.monotonic() + 60
    while not gone(pids[1]):
        assert time.monotonic() < end
        time.sleep(0.2)
    ip("link", "set", lost, "up")
