"""A disk that is full, at whatever byte, ends no process, and leaves the backups that are there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

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


def in_child(work, folder):
    """Do something in a new process, not a fork: TensorFlow's threads may hold locks here."""
    code = f"from tests.callbacks.backup.test_full_disk import {work.__name__} as work; work({str(folder)!r})"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def limit(size):
    """Let no file of this process be longer: writing then fails as it does on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def save_where_it_does_not_fit(folder):
    [size] = [path.stat().st_size for path in Path(folder).glob("*.h5")]
    for each in sorted({*range(0, size, 4096), *range(0, 30_000, 700), size - 1}):
        limit(each)
        try:
            Store(Path(folder)).save(ABOUT, state(2))
        except OSError:
            continue
        raise AssertionError(each)


def test_a_backup_that_does_not_fit_is_an_error_and_no_more(tmp_path):
    Store(tmp_path).save(ABOUT, state(1))
    in_child(save_where_it_does_not_fit, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup-000001.h5", "backup-000001.json"]
    backup, found, notes = Store(tmp_path).load()
    assert (backup.number, found["wait"], notes) == (1, 1, [])


def hold_without_a_byte(folder):
    limit(0)
    FolderLock(Path(folder)).take()


def test_a_full_disk_keeps_nobody_from_holding_a_folder(tmp_path):
    in_child(hold_without_a_byte, tmp_path)


def test_an_interrupt_waits_until_hdf5_is_through(tmp_path, monkeypatch, python_interrupts):
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
