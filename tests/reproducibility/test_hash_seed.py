"""PYTHONHASHSEED in a kernel's description: where it can't be written, nothing has changed."""

from __future__ import annotations

import errno
import json
import os
import sys
import tempfile

import pytest

from nbkeras.reproducibility.hash_seed import set_hash_seed
from nbkeras.runtime.refusal import Refusal


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A kernel that the system has, and the user's own folder."""
    system, users = tmp_path / "system", tmp_path / "home" / "jupyter"
    (system / "kernels" / "mine").mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Mine", "language": "python", "env": {"KEPT": "1"}}
    (system / "kernels" / "mine" / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(system))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(users))
    return system, users


def refuse_to_write(monkeypatch, *refused):
    """Let folders be as on a disk that is read only: for whoever is root, no mode of a folder is."""
    real = tempfile.mkstemp

    def mkstemp(*args, dir=None, **options):  # noqa: A002 - its name there
        if any(str(dir).startswith(str(folder)) for folder in refused):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(*args, dir=dir, **options)

    monkeypatch.setattr(tempfile, "mkstemp", mkstemp)


def everything(folder):
    return {path: path.read_text() for path in folder.rglob("*") if path.is_file()} | {
        path: None for path in folder.rglob("*") if path.is_dir()
    }


def test_a_copy_in_the_users_folder_takes_the_place_of_one_that_cannot_be_written(folders, monkeypatch):
    system, users = folders
    refuse_to_write(monkeypatch, system)
    before = everything(system)
    # The user's own folder counts before the system's.
    monkeypatch.setenv("JUPYTER_PATH", "")
    monkeypatch.setattr("jupyter_core.paths.SYSTEM_JUPYTER_PATH", [str(system)])
    monkeypatch.setattr("jupyter_core.paths.ENV_JUPYTER_PATH", [])
    path = set_hash_seed(3, "mine")
    assert path == users / "kernels" / "mine" / "kernel.json"
    assert json.loads(path.read_text())["env"] == {"KEPT": "1", "PYTHONHASHSEED": "3"}
    assert everything(system) == before


def test_where_nothing_can_be_written_one_line_says_what_to_type(folders, tmp_path, monkeypatch):
    system, users = folders
    refuse_to_write(monkeypatch, system, users)
    before = everything(tmp_path)
    with pytest.raises(Refusal) as refused:
        set_hash_seed(3, "mine")
    assert str(refused.value) == (
        "expected a folder of kernel mine that can be written and that Jupyter reads first, received "
        f"{system}/kernels/mine and {users}/kernels/mine: start Jupyter in a terminal with  "
        "PYTHONHASHSEED=3 jupyter lab  and its kernels have it"
    )
    assert everything(tmp_path) == before


def test_a_copy_that_jupyter_does_not_find_is_taken_away_again(folders, tmp_path, monkeypatch):
    """JUPYTER_PATH goes before the user's folder: a copy there would not count."""
    system, _ = folders
    refuse_to_write(monkeypatch, system)
    before = everything(tmp_path)
    with pytest.raises(Refusal, match="jupyter lab"):
        set_hash_seed(3, "mine")
    assert everything(tmp_path) == before
