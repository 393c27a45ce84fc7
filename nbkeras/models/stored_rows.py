"""An array in an HDF5 file, read as NumPy would index it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path


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

    def __getitem__(self, key: Any) -> Any:
        """Return rows, or parts of them, as an array: what NumPy would give for the same key."""
        import h5py

        rows, *rest = key if isinstance(key, tuple) else (key,)
        with h5py.File(self.path, "r") as file:
            part, place = _read(file[self.name], rows)
        return part[(place, *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # noqa: FBT001 - NumPy's protocol
        """Return all rows."""
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)

    def __repr__(self) -> str:
        """Say what it is and where."""
        return f"<{self.name}: {self.dtype} {self.shape} in {self.path}>"


class Temporary:
    """A file that goes with the object, or as soon as it is asked to."""

    def __init__(self, path: Path) -> None:
        """Keep it until then."""
        self.remove = weakref.finalize(self, path.unlink, missing_ok=True)


def _read(data: Any, rows: Any) -> tuple[Any, Any]:
    """Return what is to be read of a dataset for some rows, and where in it they are."""
    if isinstance(rows, slice):
        places = range(*rows.indices(len(data)))
        if not places:
            return data[:0], slice(None)
        # HDF5 reads in rising order.
        low, high = sorted((places[0], places[-1]))
        return data[low : high + 1 : abs(places.step)], slice(None, None, 1 if places.step > 0 else -1)
    if rows is None or rows is Ellipsis:
        return data[:], rows
    chosen = np.asarray(rows)
    if chosen.dtype == bool and chosen.shape == (len(data),):
        chosen = np.flatnonzero(chosen)
    if not chosen.size:
        return data[:0], chosen.astype("int64")
    if chosen.dtype.kind not in "iu":
        # NumPy has more keys than HDF5, such as a mask of several axes, and says which are none.
        return data[:], rows
    if chosen.min() < -len(data) or chosen.max() >= len(data):
        raise IndexError(f"expected rows from {-len(data)} to {len(data) - 1}, received {rows}")
    # Each once.
    numbers, order = np.unique(np.where(chosen < 0, chosen + len(data), chosen), return_inverse=True)
    first, last = int(numbers[0]), int(numbers[-1])
    part = data[first : last + 1] if len(numbers) == last - first + 1 else data[numbers]
    return part, order.reshape(chosen.shape)
