"""One state in one HDF5 file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from nbkeras.callbacks.backup.guarded import new_file
from nbkeras.callbacks.backup.packing import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path

    from nbkeras.callbacks.backup.packing import Array

_DTYPE = "dtype"


def write_state(path: Path, state: Any) -> None:
    """Write a state, as `packing` knows it, to a file.

    Raises:
        OSError: when it cannot be written.
        TypeError: when something in it is no data.
    """
    form, arrays = pack(state)
    text = np.frombuffer(json.dumps(form).encode(), np.uint8)
    with new_file(path) as file:
        file.create_dataset("state", data=text)
        for number, array in enumerate(arrays):
            _write_array(file, str(number), array)


def read_state(path: Path) -> Any:
    """Read the state that `write_state` wrote.

    Raises:
        OSError, KeyError, ValueError: when the file is no such file.
    """
    with h5py.File(path, "r") as file:
        form = json.loads(file["state"][()].tobytes())
        arrays = [_read_array(file[str(number)]) for number in range(len(file) - 1)]
    return unpack(form, arrays)


def _write_array(file: Any, name: str, array: Array) -> None:
    if array.dtype.kind == "V":
        # bfloat16 and its like: HDF5 has no such type, so its bytes are kept, with the type's name.
        raw = np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")
        file.create_dataset(name, data=raw).attrs[_DTYPE] = array.dtype.name
    else:
        file.create_dataset(name, data=array)


def _read_array(dataset: Any) -> Array:
    array: Array = np.asarray(dataset[()])
    name = dataset.attrs.get(_DTYPE)
    return array if name is None else array.view(np.dtype(name))
