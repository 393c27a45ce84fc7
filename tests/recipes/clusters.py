"""Runs what a recipe wrote for several processes: as a group of its own, with a deadline, and ends it.

ssh and Slurm's programs are stand-ins, which run here what they are given.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path


def free_ports(count):
    """Return the first of so many ports in a row that are free."""
    for first in range(20_000 + os.getpid() % 10_000, 60_000, count):
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
        return first
    raise AssertionError("no free ports")


def launched(command, folder, seconds=200, **environment):
    """Run a command with all that it starts; return its exit code and what it said."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    finally:
        # SIGKILL: TensorFlow's tasks do not answer to SIGTERM.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode, said


def started_by_ssh(folder, script, tasks):
    """Run launch.py; return the hosts and the TF_CONFIGs with which it started so many tasks."""
    said = Path("said").resolve()
    programs = {
        "ssh": '[ "$1" = -tt ] || exit 9\necho "host $2" >> "$SAID"\nbash -c "$3"',
        # Each task lives until all have been started.
        "python": f'[ "$2" = {script} ] && echo "config $TF_CONFIG" >> "$SAID"\n'
        f'while [ $(grep -c ^config "$SAID") -lt {tasks} ]; do sleep 0.1; done',
    }
    code, out = launched(
        [sys.executable, str(folder / "launch.py")], ".", 60, PATH=_path(programs), SAID=str(said)
    )
    assert code == 0, out
    lines = [line.partition(" ") for line in said.read_text().splitlines()]
    hosts = sorted(rest for kind, _, rest in lines if kind == "host")
    return hosts, [json.loads(rest) for kind, _, rest in lines if kind == "config"]


def failure_by_ssh(folder):
    """Run launch.py on hosts of which each fails; return its exit code and what it said."""
    programs = {"ssh": "exit 3"}
    return launched([sys.executable, str(folder / "launch.py")], ".", 60, PATH=_path(programs))


def started_by_slurm(folder, nodes, script):
    """Run the job's script; return the TF_CONFIGs with which it started the script."""
    said = Path("said").resolve()
    programs = {
        "scontrol": f"for i in $(seq {nodes}); do echo node$i; done",
        "srun": f'shift 2\nfor i in $(seq 0 {nodes - 1}); do SLURM_PROCID=$i "$@" || exit 1; done',
        "python": f'[ "$2" = {script} ] && {{ echo "$TF_CONFIG" >> "$SAID"; exit; }}\n'
        f'exec {sys.executable} "$@"',
    }
    environment = {"PATH": _path(programs), "SAID": str(said), "SLURM_JOB_NODELIST": "node[1-9]"}
    code, out = launched(["bash", "job.sbatch"], folder, 60, **environment)
    assert code == 0, out
    return [json.loads(line) for line in said.read_text().splitlines()]


def _path(programs):
    tools = Path("tools").resolve()
    tools.mkdir(exist_ok=True)
    for name, text in programs.items():
        (tools / name).write_text(f"#!/bin/bash\n{text}\n")
        (tools / name).chmod(0o755)
    return f"{tools}:{os.environ['PATH']}"
