"""A disk that is full, at whatever byte, ends no process, and leaves the backups that are there."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest

from nbkeras.callbacks.backup import guarded
from nbkeras.callbacks.backup.lock import FolderLock
from nbkeras.callbacks.backup.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process of Windows has no such limits")
ABOUT = {"position": [1, 0], "epochs": 9, "time": 0.0}


def state(number):
    arrays = [np.full(size, number, np.float32) for size in (1, 40, 3000, 20_000)]
    return {"variables": arrays * 5, "wait": number}


def in_child(work):
    """Do something in a child; return its exit status, negative for a signal."""
    child = os.fork()
    if not child:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def limit(size):
    """Let no file of this process be longer: writing then fails as it does on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_backup_that_does_not_fit_is_an_error_and_no_more(tmp_path):
    Store(tmp_path).save(ABOUT, state(1))
    [size] = [path.stat().st_size for path in tmp_path.glob("*.h5")]
    sizes = sorted({*range(0, size, 4096), *range(0, 30_000, 700), size - 1})

    def work():
        for each in sizes:
            limit(each)
            try:
                Store(tmp_path).save(ABOUT, state(2))
            except OSError:
                continue
            raise AssertionError(each)

    assert in_child(work) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup-000001.h5", "backup-000001.json"]
    backup, found, notes = Store(tmp_path).load()
    assert (backup.number, found["wait"], notes) == (1, 1, [])


def test_a_full_disk_keeps_nobody_from_holding_a_folder(tmp_path):
    def work():
        limit(0)
        FolderLock(tmp_path).take()

    assert in_child(work) == 0


def test_an_interrupt_waits_until_hdf5_is_through(tmp_path, monkeypatch):
    taken = []
    write = guarded._Guarded.write

    def interrupted(self, buffer):
        signal.raise_signal(signal.SIGINT)
        taken.append(len(buffer))
        return write(self, buffer)

    monkeypatch.setattr(guarded._Guarded, "write", interrupted)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path).save(ABOUT, state(1))
    assert len(taken) > 20
    assert signal.getsignal(signal.SIGINT) is before
    assert not list(tmp_path.iterdir())
