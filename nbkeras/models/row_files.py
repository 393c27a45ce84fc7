"""Arrays that grow batch by batch: in memory, or in an HDF5 file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.models.stored_rows import StoredRows, Temporary
from nbkeras.models.told_file import ToldFile
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

_MARK = "nbkeras_features"
_CHUNK = 1 << 20


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
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._file: Any = None
        self._raw: ToldFile | None = None
        self._aside: Path | None = None

    def __enter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204 - typing.Self is of Python 3.11
        """Begin; a file is begun at once, for it to fail before anything is computed."""
        if self.path is not None:
            try:
                self._open()
            except BaseException as error:
                self.__exit__(type(error))
                raise
        return self

    def __exit__(self, kind: object, *_rest: object) -> None:
        """Take away what is no whole file."""
        try:
            with contextlib.suppress(OSError):
                self._close()
        finally:
            if self._aside is not None:
                self._aside.unlink(missing_ok=True)

    def append(self, arrays: Mapping[str, Any]) -> None:
        """Add a batch of rows to each array.

        Raises:
            Refusal: for rows of another shape than those before, texts, and a disk that can't take them.
        """
        for name, given in arrays.items():
            array = _storable(name, np.asarray(given))
            shape = self._shapes.setdefault(name, array.shape[1:])
            if array.shape[1:] != shape:
                raise Refusal(
                    f"features: expected rows of one shape from {name}, received {shape} and "
                    f"{array.shape[1:]}: give samples of one size"
                )
            self._size += array.nbytes
            if self._file is not None:
                with self._told():
                    self._write(name, array)
            else:
                self._parts.setdefault(name, []).append(array)
        if self._file is None and self._most is not None and self._size > self._most:
            self._open()

    def finish(self) -> dict[str, Any]:
        """Return each array, from memory or from the file, which has its name from now on."""
        if self._file is None:
            return {name: np.concatenate(parts) for name, parts in self._parts.items()}
        names, aside = list(self._file), self._aside
        assert aside is not None  # noqa: S101 - for mypy: a file was opened
        with self._told():
            self._close()
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

        with self._told():
            if self.path is not None:
                # Not by tempfile, which lets nobody else read what it makes.
                self._aside = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}.part")
                self._raw = ToldFile(self._aside, "x+")
            else:
                handle, name = tempfile.mkstemp(".h5", "nbkeras-features-")
                self._aside, self._raw = Path(name), ToldFile(handle, "r+")
            self._file = h5py.File(self._raw, "w")
            self._file.attrs[_MARK] = 1
            parts, self._parts = self._parts, {}
            for key, arrays in parts.items():
                for array in arrays:
                    self._write(key, array)

    def _close(self) -> None:
        file, raw, self._file, self._raw = self._file, self._raw, None, None
        if file is not None:
            file.close()
        if raw is not None:
            raw.close()
            raw.check()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Say in one line that a file can't be written."""
        try:
            yield
            if self._raw is not None:
                self._raw.check()
        except OSError as error:
            folder = tempfile.gettempdir() if self.path is None else str(self.path.parent)
            mend = "give a file elsewhere as  to" if self.path is None else "name a file elsewhere"
            raise Refusal(
                f"to: expected a folder that can be written to, received {folder!r} "
                f"({error.strerror or error}): make room, or {mend}"
            ) from None

    def _write(self, name: str, array: Any) -> None:
        if name not in self._file:
            # No more than HDF5's cache holds, for a row to be read without many others.
            rows = max(1, min(len(array), 32, _CHUNK * len(array) // max(1, array.nbytes)))
            chunk = (rows, *array.shape[1:])
            self._file.create_dataset(name, data=array, maxshape=(None, *array.shape[1:]), chunks=chunk)
            return
        data = self._file[name]
        start = len(data)
        data.resize(start + len(array), axis=0)
        data[start:] = array


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


def _storable(name: str, array: Any) -> Any:
    if array.dtype.kind in "OSU":
        raise Refusal(f"features: expected numbers, received texts from {name}: leave it out")
    # NumPy's own types alone go into HDF5, and float32 holds every bfloat16.
    return array if array.dtype.kind in "fiubc" else array.astype("float32")
