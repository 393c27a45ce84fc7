from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace

import pytest

from nbkeras.runs.log import owner as owners
from nbkeras.runs.log.owner import STALE, Owner, is_alive, this_process

NEVER = 0.0  # A heartbeat of long ago: it must not be asked.


def test_this_process_is_alive():
    assert is_alive(this_process(), NEVER)


def test_a_later_process_of_the_same_number_is_another_one():
    assert not is_alive(replace(this_process(), started="another boot 1"), time.time())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_process_is_gone_before_and_after_its_parent_looks(kernel):
    other = kernel("input()", stdin=-1)
    owner = Owner(this_process().host, other.pid, owners._started(other.pid))
    assert is_alive(owner, NEVER)
    other.kill()
    deadline = time.monotonic() + 10
    while is_alive(owner, time.time()):  # Nobody has waited for it: it is a zombie.
        assert time.monotonic() < deadline
    other.wait()
    assert not is_alive(owner, time.time())


@pytest.mark.parametrize(("age", "alive"), [(1, True), (STALE + 1, False)])
def test_elsewhere_the_heartbeat_decides(age, alive):
    elsewhere = replace(this_process(), host="another machine")
    unknown = replace(this_process(), started="")
    assert is_alive(elsewhere, time.time() - age) is alive
    assert is_alive(unknown, time.time() - age) is alive


@pytest.mark.skipif(shutil.which("ps") is None, reason="no ps on this system")
def test_where_there_is_no_proc_ps_tells():
    started = owners._from_ps(os.getpid())
    assert started
    assert started == owners._from_ps(os.getpid())
    assert owners._from_ps(2**22 + 1) == ""


def test_without_proc_and_ps_nobody_knows(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert owners._from_ps(os.getpid()) is None
