"""Whatever happens to the files, a backup is whole or is not used."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbkeras.callbacks.backup.lock import FolderLock
from nbkeras.callbacks.backup.packing import pack, unpack
from nbkeras.callbacks.backup.store import Store
from nbkeras.runtime.refusal import Refusal


def state(number):
    return {"variables": [np.full((3, 2), number, np.float32)], "wait": number, "best": (0.1, None, "x")}


def about(number):
    return {"position": [number, 0], "epochs": 9, "time": 0.0}


def filled(folder, count):
    store = Store(folder)
    for number in range(1, count + 1):
        store.save(about(number), state(number))
    return store


damages = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["truncate", "flip", "delete", "append", "swap"]),
        st.integers(0, 10**6),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=300, deadline=None)
@given(damages)
def test_a_torn_backup_is_never_resumed(damages):
    """What is loaded is one of the two states that were saved, as it was, or nothing, or a refusal."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        filled(folder, 2)
        files = sorted(folder.iterdir())
        whole = {path: path.read_bytes() for path in files}
        for which, how, at, value in damages:
            damage(files, which, how, at, value)
        numbers = (int(path.stem[7:]) for path in files if path.suffix == ".json")
        sound = {
            number
            for number in numbers
            if all(path.exists() and path.read_bytes() == whole[path] for path in files if _of(path, number))
        }
        loaded = outcome(Store(folder))
        if loaded is None or isinstance(loaded, str):
            assert not sound
            assert loaded is None or ("--restart" in loaded and "\n" not in loaded)
            return
        backup, found, notes = loaded
        assert backup.number == max(sound)
        np.testing.assert_array_equal(found["variables"][0], state(backup.number)["variables"][0])
        assert found["best"] == (0.1, None, "x")
        assert notes == ([] if backup.number == 2 or _gone(folder, 2) else [_note()])


def outcome(store):
    try:
        return store.load()
    except Refusal as refusal:
        return str(refusal)


def _of(path, number):
    return int(path.stem[7:]) == number


def _gone(folder, number):
    return not (folder / f"backup-{number:06d}.json").exists()


def _note():
    return "backup-000002 is damaged: backup-000001 is used, the one before it"


def damage(files, which, how, at, value):
    path = files[which]
    if not path.exists():
        return
    content = path.read_bytes()
    if how == "truncate":
        path.write_bytes(content[: at % (len(content) + 1)])
    elif how == "flip" and content:
        at %= len(content)
        path.write_bytes(content[:at] + bytes([content[at] ^ value]) + content[at + 1 :])
    elif how == "delete":
        path.unlink()
    elif how == "append":
        path.write_bytes(content + bytes([value]))
    elif how == "swap":
        # One backup's file under the other's name.
        other = files[(which + 2) % 4]
        if other.exists():
            path.write_bytes(other.read_bytes())


@pytest.mark.parametrize("stops_at", range(1, 7))
def test_a_backup_that_was_cut_short_counts_for_nothing(tmp_path, monkeypatch, stops_at):
    filled(tmp_path, 1)
    left = [stops_at]
    sync = os.fsync

    def failing(handle):
        left[0] -= 1
        if not left[0]:
            raise OSError(28, "No space left on device")
        sync(handle)

    monkeypatch.setattr(os, "fsync", failing)
    store = Store(tmp_path)
    try:
        store.save(about(2), state(2))
        saved = 2
    except OSError:
        saved = 1
    monkeypatch.undo()
    backup, found, notes = Store(tmp_path).load()
    # The last sync is the folder's, when all is written.
    assert (backup.number, found["wait"], notes) in [(saved, saved, []), (2, 2, [])]
    assert saved == 2 or stops_at < 5
    assert not list(tmp_path.glob("*.part"))


def test_the_last_two_are_kept_and_the_damaged_one_makes_way(tmp_path):
    store = filled(tmp_path, 4)
    assert [backup.number for backup in store.backups()] == [4, 3]
    (tmp_path / "backup-000004.h5").write_bytes(b"torn")
    again = Store(tmp_path)
    assert again.load()[0].number == 3
    again.save(about(5), state(5))
    assert [backup.number for backup in again.backups()] == [5, 3]


def test_only_backups_are_cleared(tmp_path):
    filled(tmp_path / "run", 2)
    (tmp_path / "run" / "backup-notes.txt").write_text("mine")
    assert Store(tmp_path / "run").clear() == 2
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["backup-notes.txt"]
    filled(tmp_path / "other", 2)
    Store(tmp_path / "other").clear()
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("number", "words"), [(99, "newer nbkeras"), (1, r"an earlier nbkeras, .*: begin anew with  --restart")]
)
def test_another_format_is_refused(tmp_path, number, words):
    store = filled(tmp_path, 1)
    path = tmp_path / "backup-000001.json"
    content = json.loads(path.read_text())
    del content["check"]
    content["format"] = number
    from nbkeras.callbacks.backup.store import _check

    path.write_text(json.dumps(content | {"check": _check(content)}))
    with pytest.raises(Refusal, match=words):
        store.load()
    assert store.clear() == 1


def test_two_trainings_do_not_share_a_folder(tmp_path):
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.take()
    with pytest.raises(Refusal, match=f"process {os.getpid()} uses"):
        second.take()
    first.release()
    second.take()
    second.release()


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner)
    ),
)


@settings(deadline=None)
@given(json_like)
def test_states_come_back_as_they_were(value):
    form, arrays = pack(value)
    back = unpack(json.loads(json.dumps(form)), arrays)
    assert repr(back) == repr(value)


@pytest.mark.parametrize("value", [object(), {"f": len}, [np.array(["text"])], {1, 2}])
def test_code_and_objects_are_no_state(value):
    with pytest.raises(TypeError, match="expected numbers, texts and arrays, received"):
        pack(value)


def test_bfloat16_is_kept(tmp_path):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.arange(4).astype(ml_dtypes.bfloat16)
    Store(tmp_path).save(about(1), {"a": array, "b": np.float32(0.5), "c": np.zeros((0, 2))})
    _, found, _ = Store(tmp_path).load()
    assert found["a"].dtype == array.dtype
    assert found["a"].tolist() == [0, 1, 2, 3]
    assert type(found["b"]) is np.float32
    assert found["c"].shape == (0, 2)
