"""Rows in a file are indexed as in memory; a file that can't be written is one line, and is not there."""

from __future__ import annotations

import os
import resource
import stat
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from nbkeras.models.row_files import RowWriter
from nbkeras.runtime.refusal import Refusal

ROWS = np.random.default_rng(0).normal(size=(10, 3, 4)).astype("float32")
MASK = np.arange(10) % 3 == 1
KEYS = {
    "number": 3,
    "from the end": -2,
    "number of NumPy": np.int64(4),
    "slice": slice(2, 7),
    "slice in steps": slice(1, 9, 3),
    "backwards": slice(None, None, -1),
    "backwards in steps": slice(8, 1, -3),
    "beyond the end": slice(8, 20),
    "nothing": slice(5, 2),
    "list in any order": [4, 1, 1, 7],
    "from both ends": [-1, 0, -10],
    "several axes of numbers": np.array([[0, 9], [3, 3]]),
    "no numbers": [],
    "mask": MASK,
    "mask of none": MASK & False,
    "mask of all axes": ROWS > 0,
    "mask and place": (MASK, 1),
    "column": (slice(None), 0, 2),
    "pairs": ([2, 0], [1, 2]),
    "all": ...,
    "all, last axis": (..., -1),
    "new axis": None,
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    with RowWriter(tmp_path_factory.mktemp("rows") / "kept.h5") as writer:
        for start in range(0, 10, 4):
            writer.append({"rows": ROWS[start : start + 4]})
        return writer.finish()["rows"]


@pytest.mark.parametrize("name", KEYS)
def test_a_key_gives_what_it_gives_in_memory(stored, name):
    found, expected = stored[KEYS[name]], ROWS[KEYS[name]]
    assert np.shape(found) == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("key", [10, [0, 10], [-11], MASK[:-1], "rows"])
def test_a_key_that_memory_refuses_is_refused(stored, key):
    with pytest.raises(IndexError):
        ROWS[key]
    with pytest.raises(IndexError):
        stored[key]


@contextmanager
def files_of_at_most(size):
    """Let the system refuse to make files larger: here no disk can be filled."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [100, 1 << 18])
@pytest.mark.parametrize("is_named", [True, False])
def test_a_disk_that_is_full_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, room, is_named):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = {"rows": np.zeros((100, 1000))}

    def write():
        with RowWriter(tmp_path / "kept.h5" if is_named else None, most=1000) as writer:
            for _ in range(4):
                writer.append(rows)
            writer.finish()

    with (
        files_of_at_most(room),
        pytest.raises(Refusal, match=r"^to: expected a folder .*File too large") as no,
    ):
        write()
    assert str(tmp_path) in str(no.value)
    assert "\n" not in str(no.value)
    assert list(tmp_path.iterdir()) == []
    write()
    assert [each.name for each in tmp_path.iterdir()] == ["kept.h5"] * is_named


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that nobody can write to")
def test_a_folder_that_cannot_be_written_to_is_one_line():
    with pytest.raises(
        Refusal, match=r"^to: expected a folder that can be written to, received '/proc'"
    ) as no:
        RowWriter("/proc/kept.h5").__enter__()
    assert "\n" not in str(no.value)


def test_others_may_read_the_file_as_any_that_the_user_makes(tmp_path):
    before = os.umask(0o022)
    try:
        with RowWriter(tmp_path / "kept.h5") as writer:
            writer.append({"rows": ROWS})
            writer.finish()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "kept.h5").stat().st_mode) == 0o644


def test_rows_of_other_shapes_and_texts_are_refused():
    with RowWriter() as writer:
        writer.append({"rows": ROWS})
        with pytest.raises(Refusal, match=r"from rows, received \(3, 4\) and \(2, 4\): give samples of one"):
            writer.append({"rows": ROWS[:, :2]})
        with pytest.raises(Refusal, match="expected numbers, received texts from words"):
            writer.append({"words": np.array(["a", "b"])})
