"""Runs what a recipe wrote for several processes: as a group of its own, with a deadline, and ends it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess


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
