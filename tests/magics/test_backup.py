"""``%backup`` lists, shows and clears, and leaves alone what is no backup."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError

from nbkeras.callbacks.backup.lock import FolderLock
from nbkeras.callbacks.backup.store import Store
from nbkeras.magics.backup import BackupMagics

ABOUT = {
    "position": [3, 20],
    "done": 110,
    "epochs": 9,
    "time": 0.0,
    "finished": False,
    "identity": {
        "model": "Sequential",
        "parts": {"parts": [{"parts": []}, {"parts": []}]},
        "optimizer": {"is": "Adam"},
        "loss": "mse",
    },
    "data": {"x": "(96, 4) float32"},
    "run": "20261123-165512-3f2a",
}


@pytest.fixture
def backup(capsys, shell):
    magics = BackupMagics(shell, None)

    def backup(line):
        magics.backup(line)
        return capsys.readouterr().out

    return backup


@pytest.fixture
def folder(tmp_path):
    store = Store(tmp_path / "b")
    for number in (1, 2):
        store.save({**ABOUT, "position": [number, 20]}, {"wait": number})
    return tmp_path / "b"


def test_list_and_show(backup, folder):
    lines = backup(f"list {folder}").splitlines()
    assert [line.split()[0] for line in lines] == ["backup-000002", "backup-000001"]
    assert "epoch 3, step 20 of 9" in lines[0]
    shown = backup(f"show {folder}")
    assert "from epoch 3, step 20 of 9 epochs" in shown
    assert "Sequential with 2 layers, Adam, mse" in shown
    (folder / "backup-000002.h5").write_bytes(b"torn")
    assert backup(f"list {folder}").splitlines()[0].endswith("damaged")
    assert "backup-000002 is damaged: backup-000001 is used" in backup(f"show {folder}")


def test_damaged_manifests_are_told(backup, folder):
    (folder / "backup-000002.json").write_text("{}")
    lines = backup(f"list {folder}").splitlines()
    assert lines[0] == "backup-000002  damaged"
    assert lines[1].startswith("backup-000001")
    assert "backup-000002 is damaged: backup-000001 is used" in backup(f"show {folder}")
    (folder / "backup-000001.json").write_text("{}")
    assert backup(f"list {folder}").splitlines() == ["backup-000002  damaged", "backup-000001  damaged"]
    with pytest.raises(
        UsageError, match=r"^%backup: expected a sound backup in .*, damaged: begin anew with"
    ):
        backup(f"show {folder}")
    assert "deleted 2 backups" in backup(f"clear {folder}")


def test_other_fits_of_the_cell_are_told(backup, folder):
    Store(folder.with_name("b-2")).save(ABOUT, {"wait": 1})
    assert backup(f"list {folder}").splitlines()[-1] == f"fit 2 of the cell: type  %backup list {folder}-2"
    said = backup(f"clear {folder}").splitlines()
    assert said == [
        f"deleted 2 backups in {str(folder)!r}",
        f"fit 2 of the cell: type  %backup clear {folder}-2",
    ]
    assert Store(folder.with_name("b-2")).has_any()


def test_clear_leaves_what_is_no_backup(backup, folder):
    (folder / "notes.txt").write_text("mine")
    lock = FolderLock(folder)
    lock.take()
    with pytest.raises(UsageError, match=r"%backup: .*no other training writes to"):
        backup(f"clear {folder}")
    lock.release()
    assert "deleted 2 backups" in backup(f"clear {folder}")
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    assert "no backups in" in backup(f"clear {folder}")
    assert "no backups in" in backup(f"list {folder}")


def test_the_directory_in_which_one_is(backup, folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "notes.txt").write_text("mine")
    assert backup("list .").splitlines()[0].startswith("backup-000002")
    assert "from epoch 3, step 20" in backup("show .")
    assert "deleted 2 backups in '.'" in backup("clear .")
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    for place in (".", "..", "/"):
        assert "no backups in" in backup(f"list {place}")
        assert "no backups in" in backup(f"clear {place}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "%backup: expected list, show or clear, received nothing"),
        ("drop x", "expected list, show or clear, received drop: type  %backup list x"),
        ("list", "expected the directory of the backups, received none: type  %backup list DIR"),
        ("list a b", "expected"),
        ("show ''", "expected the directory of the backups, received '': type  %backup show DIR"),
    ],
)
def test_what_cannot_be_meant(backup, line, words):
    with pytest.raises(UsageError) as caught:
        backup(line)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
