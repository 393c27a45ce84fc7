"""Variables on their way between the notebook and its workers: files in the cluster's folder."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runtime.keras_lines import is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from nbkeras.runtime.keras_lines import Line

MODEL, ARRAY, OTHER = ".keras", ".npy", ".pickle"


def pack(name: str, value: Any, folder: Path) -> Path:
    """Write a variable to a file; return its path, whose ending tells what it is.

    Keras models go as Keras's own files, arrays as NumPy's, everything else by pickle, which stays between
    processes of one user on one machine.

    Raises:
        Refusal: for what cannot leave its process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if is_model(value):
        # Its Keras line, too: the other one would read the file, and not all of it.
        path = folder / f"{name}.{line_of(value)}{MODEL}"
        value.save(path)
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        path = folder / f"{name}{ARRAY}"
        np.save(path, value)
    else:
        path = folder / f"{name}{OTHER}"
        try:
            path.write_bytes(pickle.dumps(value, protocol=5))
        except Exception as error:  # noqa: BLE001 - a value may raise whatever it likes
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            text = (
                f"{name}: expected a model, an array or a value that pickle takes, received a "
                f"{type(value).__name__} ({reason[:120]}): make it in a  %%cluster  cell"
            )
            raise Refusal(text) from None
    return path


def unpack(path: Path, known: Mapping[str, Any] | None = None) -> Any:
    """Return the variable of a file that `pack` has written.

    Args:
        path: the file.
        known: names of the notebook, among which a model's own classes are looked for. Default None.
    """
    if path.suffix == ARRAY:
        return np.load(path)
    if path.suffix == MODEL:
        classes = {name: each for name, each in (known or {}).items() if _is_own_class(each)}
        line: Line = "tf_keras" if path.suffixes[-2] == ".tf_keras" else "keras"
        return keras_module(line).models.load_model(path, custom_objects=classes)
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by a process of this user for this one


def _is_own_class(thing: Any) -> bool:
    return isinstance(thing, type) and any(
        base.__module__.partition(".")[0] in {"keras", "tf_keras"} for base in thing.__mro__
    )
