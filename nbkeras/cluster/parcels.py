"""Variables on their way between the notebook and its workers: files in the cluster's folder."""

from __future__ import annotations

import pickle
import re
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from nbkeras.runtime.keras_lines import LINES, is_model, keras_module, line_of
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nbkeras.runtime.keras_lines import Line

MODEL, ARRAY, OTHER = ".keras", ".npy", ".pickle"
# How pickle and both lines of Keras (3.15, tf_keras 2.21) name a class or a function that they don't find.
_NOT_FOUND = re.compile(
    r"Can't get attribute '([\w.]+)' on <module '[\w.]*__main__'"
    r"|Could not locate (?:class|function) '(\w+)'"
    r"|Cannot deserialize object of type `(\w+)`"
    r"|Unknown activation function '[^\n]*?'config': '(\w+)'"
)


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


def unpack(
    path: Path, known: Mapping[str, Any] | None = None, *, define: str = "define it in the notebook, too"
) -> Any:
    """Return the variable of a file that `pack` has written.

    Args:
        path: the file.
        known: names of the notebook, among which a model's own classes and functions are looked for.
            Default None.
        define: what to do about a class or a function that is not known here.

    Raises:
        Refusal: for what was made of a class or a function that is not known here.
    """
    if path.suffix == ARRAY:
        return np.load(path)
    read = _model if path.suffix == MODEL else _pickled
    known = known or {}
    try:
        return _read(read, path, known, {name: each for name, each in known.items() if _is_own_class(each)})
    except Exception as error:
        missing = _missing(error)
        if missing is None:
            raise
        name = path.name.partition(".")[0]
        text = f"{name}: expected what is known here, received something of {missing}, which is not"
        raise Refusal(f"{text}: {define}") from None


def _read(
    read: Callable[[Path, dict[str, Any]], Any], path: Path, known: Mapping[str, Any], own: dict[str, Any]
) -> Any:
    try:
        return read(path, own)
    except Exception as error:
        missing = _missing(error)
        if missing is None or missing in own or not callable(known.get(missing)):
            raise
    # A function is given when it is asked for alone: all of them would hide Keras's own names.
    return _read(read, path, known, {**own, missing: known[missing]})


def _model(path: Path, own: dict[str, Any]) -> Any:
    line: Line = "tf_keras" if path.suffixes[-2] == ".tf_keras" else "keras"
    return keras_module(line).models.load_model(path, custom_objects=own)


def _pickled(path: Path, own: dict[str, Any]) -> Any:
    """Return a value; models in it look for classes of one's own where Keras is told of them alone."""
    with ExitStack() as scopes:
        for line in LINES:
            if line in sys.modules:
                scopes.enter_context(keras_module(line).utils.custom_object_scope(own))
        return pickle.loads(path.read_bytes())  # noqa: S301 - written by a process of this user for this one


def _missing(error: Exception) -> str | None:
    """Return the name of the class or function that an error says is not known."""
    found = _NOT_FOUND.search(str(error))
    return next(filter(None, found.groups())) if found else None


def _is_own_class(thing: Any) -> bool:
    return isinstance(thing, type) and any(
        base.__module__.partition(".")[0] in {"keras", "tf_keras"} for base in thing.__mro__
    )
