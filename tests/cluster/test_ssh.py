"""``%cluster start --hosts FILE``: what the file may hold, and workers that a real ssh starts."""

from __future__ import annotations

import getpass
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from nbkeras import Refusal
from nbkeras.cluster.hosts import ssh
from nbkeras.cluster.hosts.hosts_file import Host, read_hosts
from nbkeras.cluster.hosts.starting import new_cluster
from nbkeras.training.on_cluster.exchanging import get, push
from tests.cluster.conftest import Notebook, costly, gone


def test_the_lines_of_a_file(tmp_path):
    path = tmp_path / "hosts.txt"
    path.write_text(
        "# Both have a GPU.\n\na\nme@b.example.org:2222 slots=2 python=/opt/py address=10.0.0.2 # big\n"
    )
    assert read_hosts(path) == [Host("a"), Host("me@b.example.org:2222", 2, "/opt/py", "10.0.0.2")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"--hosts: expected a host in .*, received none: write a line such as  host \[slots=N\]"),
        ("a\nb slot=2", r"line 2: expected host \[slots=N\] .*, received 'slot=2'"),
        ("a slots=0", "line 1: expected a whole number of 1 or more, received '0'"),
        ("a slots=1 slots=2", "line 1: expected host .*, received 'slots=2'"),
        ("a b", "line 1: expected host .*, received 'b'"),
        ("-oProxyCommand=x", "line 1: expected host .*, received '-oProxyCommand=x'"),
        ("a\na", "line 2: expected each host once, received 'a' again: give  a slots=2"),
        ("a address=$x", "line 1: expected an address such as 10.0.0.1, received '[$]x'"),
    ],
)
def test_lines_that_cannot_be_meant(tmp_path, text, said):
    path = tmp_path / "hosts.txt"
    path.write_text(text)
    with pytest.raises(Refusal, match=said):
        read_hosts(path)


def test_what_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(Refusal, match=r"--hosts: expected a file .* \(No such file or directory\)"):
        new_cluster(hosts=tmp_path / "none")
    path = tmp_path / "hosts.txt"
    path.write_text("a slots=3")
    with pytest.raises(Refusal, match=r"--workers: expected 3, the slots in .*, received 2"):
        new_cluster(2, hosts=path)
    with pytest.raises(Refusal, match="--profile: expected --hosts or --profile, received both"):
        new_cluster(hosts=path, profile="default")


def test_the_extra_that_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipyparallel", None)
    (tmp_path / "hosts.txt").write_text("a\n")
    said = r"expected ipyparallel, which reaches other hosts, .*: type  %pip install 'nbkeras\[cluster\]'"
    for option in ({"hosts": tmp_path / "hosts.txt"}, {"profile": "default"}):
        with pytest.raises(Refusal, match=said):
            new_cluster(**option)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A real sshd at a port of 127.0.0.1, which lets this user in; ``user@host:port``."""
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if sshd is None:
        pytest.skip("no sshd: Debian's package openssh-server has it")
    if os.getuid() == 0 and "sshd" not in [each.pw_name for each in pwd.getpwall()]:
        pytest.skip("sshd as root wants a user sshd, which Debian's package openssh-server makes")
    if os.getuid() == 0:
        # Debian's service makes it, where systemd runs.
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (tmp_path / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\n"
        f"AuthorizedKeysFile {tmp_path}/user.pub\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        "Subsystem sftp internal-sftp\n"
    )
    own = (
        "-i",
        str(tmp_path / "user"),
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "StrictHostKeyChecking=no",
    )
    monkeypatch.setattr(ssh, "_SSH", (*ssh._SSH, "-o", "LogLevel=ERROR", *own))
    with subprocess.Popen(
        [sshd, "-D", "-e", "-f", tmp_path / "config"], stderr=subprocess.DEVNULL
    ) as process:
        end = time.monotonic() + 10
        while True:
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        yield f"{getpass.getuser()}@127.0.0.1:{port}"
        process.kill()


@pytest.fixture
def file(server, tmp_path):
    """A file of one host with two slots."""
    pytest.importorskip("ipyparallel")
    python = tmp_path / "python"
    # ssh brings none of this environment there.
    paths = shlex.quote(os.pathsep.join(filter(None, sys.path)))
    python.write_text(f'#!/bin/sh\nPYTHONPATH={paths} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    file = tmp_path / "hosts.txt"
    file.write_text(f"{server} slots=2 python={python}\n")
    return file


PROGRAM = """
import time
from nbkeras.cluster.hosts import ssh
from nbkeras.cluster.hosts.starting import new_cluster
ssh._SSH = {ssh!r}
cluster = new_cluster(hosts={file!r})
cluster.start()
engines = [kernel.parent for kernel in cluster._kernels]
print(cluster._engines._files, cluster.folder, *cluster.pids, *engines, flush=True)
time.sleep(3600)
"""


@costly
def test_nothing_is_left_of_a_notebook_that_is_killed(file):
    before = {*Path.home().glob(".ipython/nbkeras-hosts-*")}
    program = PROGRAM.format(ssh=ssh._SSH, file=str(file))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        profile, folder, *pids = process.stdout.readline().split()
        assert len(pids) == 4
        # The controller, the programs that watch it, and ssh itself name the profile.
        started = [each.pid for each in psutil.process_iter() if profile in " ".join(_words(each))]
        process.kill()
    end = time.monotonic() + 60
    while not all(gone(int(pid)) for pid in (*pids, *started)) or any(map(os.path.exists, (profile, folder))):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert {*Path.home().glob(".ipython/nbkeras-hosts-*")} == before


def _words(process):
    try:
        return *process.environ().values(), *process.cmdline()
    except psutil.Error:
        return ()


@costly
@pytest.mark.parametrize("line", ["keras", "tf_keras"])
def test_workers_that_ssh_starts(file, monkeypatch, line):
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", str(int(line == "tf_keras")))
    before = {*Path.home().glob(".ipython/nbkeras-hosts-*")}
    made = Notebook(line)
    made.cluster = new_cluster(hosts=file)
    try:
        assert made.cluster.where.endswith(f"--hosts {file}, with engines of their own")
        made.start()
        pids = made.cluster.pids
        engines = [kernel.parent for kernel in made.cluster._kernels]
        x = np.random.default_rng(1).random((96, 4)).astype("float32")
        push(made.cluster, {"x": x})
        made.run(
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile('sgd', 'mse')\nlosses = model.fit(x, x[:, :1], batch_size=16, epochs=2).history"
        )
        assert len(get(made.cluster, "losses", {})["loss"]) == 2
        assert len({*made.value("os.environ['SSH_CONNECTION'].split()[2]")}) == 1
        assert made.value("type(model).__module__.partition('.')[0]") == [line] * 2
        weights = made.value("[each.tolist() for each in model.get_weights()]")
        assert weights[0] == weights[1]
    finally:
        made.cluster.stop()
    end = time.monotonic() + 30
    while not all(map(gone, [*pids, *engines])):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert {*Path.home().glob(".ipython/nbkeras-hosts-*")} == before
    assert not made.cluster._engines._files.exists()
