"""Models that a cell saves and loads: each worker writes a file of its own, or all would write one at a time.

Rank 0 writes where the cell says, the others into a folder of theirs: where variables are kept in several
parts, the workers read them together, and all have to. What a cell has written it reads back from there; so
nobody reads what rank 0 has not finished yet, or what is on another host.
"""

from __future__ import annotations

import functools
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

# Methods of models whose first argument is where they write.
METHODS = ("save", "save_weights", "export")
# Modules of Keras with the function that reads a model; `tf.keras` has others of the same names on tf_keras.
_READERS = (".models", ".saving")
# TensorFlow's own format is several files, of which this one is the first that is read.
_INDEX = ".index"
# Where the cell under way writes, and since when it runs.
_now: list[tuple[Path, float]] = []


@contextmanager
def saved_elsewhere(folder: Path) -> Iterator[None]:
    """Let every model write into this folder meanwhile, under the names that its calls say, and read from it.

    Args:
        folder: where; what is in it already is not moved. Files that are not written meanwhile are read from
            where the calls say, but where there is none.
    """
    _now.append((folder, time.time()))
    with ExitStack() as replaced:
        replaced.callback(_now.pop)
        for line in LINES:
            model = getattr(sys.modules.get(line), "Model", None)
            if model is None:
                continue
            for name in METHODS:
                replaced.enter_context(_replaced(model, name, _method(getattr(model, name), _written)))
            replaced.enter_context(_replaced(model, "load_weights", _method(model.load_weights, _read)))
            for module in _readers(line):
                replaced.enter_context(_replaced(module, "load_model", _function(module.load_model, _read)))
        yield


def moved(path: str | os.PathLike[str], folder: Path) -> Path:
    """Return where a file is in a folder that has files of several folders; its own folder is made."""
    there = _place(path, folder)
    there.parent.mkdir(parents=True, exist_ok=True)
    return there


def _readers(line: str) -> list[Any]:
    plain = sys.modules[f"{line}.models"].load_model
    modules = [each for name, each in list(sys.modules.items()) if name.split(".")[0] == line]
    named = [each for each in modules if each is not None and each.__name__.endswith(_READERS)]
    return [each for each in named if vars(each).get("load_model") is plain]


def _place(path: str | os.PathLike[str], folder: Path) -> Path:
    # By whatever spelling, and through links.
    absolute, folder = Path(path).resolve(), folder.resolve()
    return absolute if folder in absolute.parents else folder / absolute.relative_to(absolute.anchor)


def _written(path: str | Path) -> str | Path:
    return str(moved(path, _now[-1][0])) if _now else path


def _read(path: str | Path) -> str | Path:
    """Return where to read a file: where it was written in this cell, or else what the call says.

    A function of Keras that a cell has imported stays replaced in the namespace: it asks for the cell of now.
    """
    if not _now or "://" in str(path):
        return path
    folder, since = _now[-1]
    own = [each for each in _files(_place(path, folder)) if each.exists()]
    is_of_this_cell = any(each.stat().st_mtime >= since for each in own)
    is_nowhere_else = not any(each.exists() for each in _files(Path(path)))
    return str(_place(path, folder)) if own and (is_of_this_cell or is_nowhere_else) else path


def _files(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(path.name + _INDEX)


@contextmanager
def _replaced(owner: Any, name: str, new: Any) -> Iterator[None]:
    before = vars(owner).get(name)
    setattr(owner, name, new)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def _method(method: Any, place: Callable[..., Any]) -> Any:
    @functools.wraps(method)
    def call(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, _by(place, filepath), *args, **kwargs)

    return call


def _function(function: Any, place: Callable[..., Any]) -> Any:
    @functools.wraps(function)
    def call(filepath: Any, *args: Any, **kwargs: Any) -> Any:
        return function(_by(place, filepath), *args, **kwargs)

    return call


def _by(place: Callable[..., Any], filepath: Any) -> Any:
    # Buffers of one's own are no files.
    return place(filepath) if isinstance(filepath, (str, Path)) else filepath
