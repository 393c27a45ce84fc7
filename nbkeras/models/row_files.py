"""Arrays that grow batch by batch: in memory, or in an HDF5 file that is there whole or not at all."""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK = "nbkeras_features"


class StoredRows:
    """An array in an HDF5 file, read row by row.

    Attributes:
        path: the file.
        name: the name of the dataset in it.
        shape: rows first.
        dtype: of NumPy.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Look at the file; it is opened for each reading, and is free in between."""
        import h5py

        self.path, self.name = path, name
        with h5py.File(path, "r") as file:
            self.shape: tuple[int, ...] = tuple(file[name].shape)
            self.dtype = file[name].dtype
        self.temporary: Temporary | None = None

    def remove(self) -> None:
        """Delete the file now, if it is a temporary one."""
        if self.temporary is not None:
            self.temporary.remove()

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        """Return rows by a slice, a number or numbers in any order, as an array."""
        import h5py

        with h5py.File(self.path, "r") as file:
            data = file[self.name]
            if isinstance(rows, (slice, int)):
                return data[rows]
            # HDF5 reads rows in rising order, each once.
            numbers, places = np.unique(np.asarray(rows), return_inverse=True)
            first, last = (int(numbers[0]), int(numbers[-1])) if len(numbers) else (0, -1)
            if len(numbers) == last - first + 1:
                return data[first : last + 1][places]
            return data[numbers][places]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: FBT001 - NumPy's protocol
        """Return all rows."""
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)

    def __repr__(self) -> str:
        """Say what it is and where."""
        return f"<{self.name}: {self.dtype} {self.shape} in {self.path}>"


class RowWriter:
    """Takes arrays batch by batch and keeps them in memory, or in a file from a size on.

    A context manager: where its block fails, what was written is taken away.

    Args:
        to: the file; by default there is none until ``most`` is passed, and then a temporary one.
        most: bytes that are kept in memory at most; None for any number.
    """

    def __init__(self, to: str | os.PathLike[str] | None = None, most: int | None = 1 << 30) -> None:
        self.path = None if to is None else checked_file(to)
        self._most = most
        self._size = 0
        self._parts: dict[str, list[Any]] = {}
        self._file: Any = None
        self._aside: Path | None = None

    def __enter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 - typing.Self is of Python 3.11
        """Begin; a file is begun at once, for it to fail before anything is computed."""
        if self.path is not None:
            self._open()
        return self

    def __exit__(self, kind: object, *_rest: object) -> None:
        """Take away what is no whole file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._aside is not None:
            self._aside.unlink(missing_ok=True)

    def append(self, arrays: Mapping[str, Any]) -> None:
        """Add a batch of rows to each array."""
        for name, given in arrays.items():
            array = _storable(np.asarray(given))
            self._size += array.nbytes
            if self._file is not None:
                self._write(name, array)
            else:
                self._parts.setdefault(name, []).append(array)
        if self._file is None and self._most is not None and self._size > self._most:
            self._open()

    def finish(self) -> dict[str, Any]:
        """Return each array, from memory or from the file, which has its name from now on."""
        if self._file is None:
            return {name: np.concatenate(parts) for name, parts in self._parts.items()}
        names = list(self._file)
        self._file.close()
        self._file, aside = None, self._aside
        assert aside is not None  # noqa: S101 - for mypy: a file was opened
        if self.path is not None:
            aside.replace(self.path)
        path = self.path or aside
        self._aside = None
        found = {name: StoredRows(path, name) for name in names}
        if self.path is None:
            temporary = Temporary(path)
            for rows in found.values():
                # The file lives as long as one of them.
                rows.temporary = temporary
        return found

    def _open(self) -> None:
        import h5py

        folder = None if self.path is None else self.path.parent
        handle, name = tempfile.mkstemp(".part" if self.path else ".h5", "nbkeras-features-", folder)
        os.close(handle)
        self._aside = Path(name)
        self._file = h5py.File(name, "w")
        self._file.attrs[_MARK] = 1
        parts, self._parts = self._parts, {}
        for key, arrays in parts.items():
            for array in arrays:
                self._write(key, array)

    def _write(self, name: str, array: Any) -> None:
        if name not in self._file:
            chunk = (max(1, min(len(array), 32)), *array.shape[1:])
            self._file.create_dataset(name, data=array, maxshape=(None, *array.shape[1:]), chunks=chunk)
            return
        data = self._file[name]
        start = len(data)
        data.resize(start + len(array), axis=0)
        data[start:] = array


class Temporary:
    """A file that goes with the object, or as soon as it is asked to."""

    def __init__(self, path: Path) -> None:
        """Keep it until then."""
        self.remove = weakref.finalize(self, path.unlink, missing_ok=True)


def checked_file(to: str | os.PathLike[str]) -> Path:
    """Return the path of a file that may be written.

    Raises:
        Refusal: for a folder that is not there, and a file that holds something else.
    """
    path = Path(to).expanduser()
    if path.suffix not in {".h5", ".hdf5"}:
        raise Refusal(f"to: expected a file that ends with .h5, received {str(to)!r}: type  features.h5")
    if not path.parent.is_dir():
        raise Refusal(f"to: expected a folder that is there, received {str(path.parent)!r}: make it first")
    if path.exists() and not _is_ours(path):
        raise Refusal(
            f"to: expected a new file, received {str(to)!r}, which holds something else: name another"
        )
    return path


def _is_ours(path: Path) -> bool:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return _MARK in file.attrs
    except OSError:
        return False


def _storable(array: Any) -> Any:
    # NumPy's own types alone go into HDF5, and float32 holds every bfloat16.
    return array if array.dtype.kind in "fiubc" else array.astype("float32")
