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
# Modules of Keras with the function that reads a model.
_READERS = ("models", "saving")
# TensorFlow's own format is several files, of which this one is the first that is read.
_INDEX = ".index"


@contextmanager
def saved_elsewhere(folder: Path) -> Iterator[None]:
    """Let every model write into this folder meanwhile, under the names that its calls say, and read from it.

    Args:
        folder: where; what is in it already is not moved. Files that are not written meanwhile are read from
            where the calls say, but where there is none.
    """
    began = time.time()
    read = functools.partial(_found, folder=folder, since=began)
    write = functools.partial(moved, folder=folder)
    with ExitStack() as replaced:
        for line in LINES:
            model = getattr(sys.modules.get(line), "Model", None)
            if model is None:
                continue
            for name in METHODS:
                replaced.enter_context(_replaced(model, name, _method(getattr(model, name), write)))
            replaced.enter_context(_replaced(model, "load_weights", _method(model.load_weights, read)))
            for name in _READERS:
                module = sys.modules[f"{line}.{name}"]
                replaced.enter_context(_replaced(module, "load_model", _function(module.load_model, read)))
        yield


def moved(path: str | os.PathLike[str], folder: Path) -> Path:
    """Return where a file is in a folder that has files of several folders; its own folder is made."""
    there = _place(path, folder)
    there.parent.mkdir(parents=True, exist_ok=True)
    return there


def _place(path: str | os.PathLike[str], folder: Path) -> Path:
    absolute = Path(path).absolute()
    return absolute if folder in absolute.parents else folder / absolute.relative_to(absolute.anchor)


def _found(path: str | os.PathLike[str], folder: Path, since: float) -> Path:
    """Return where to read a file: from the folder, where it was written since then or is nowhere else."""
    own, asked = _place(path, folder), Path(path)
    written = next((each for each in (own, own.with_name(own.name + _INDEX)) if each.exists()), None)
    if written is None:
        return asked
    is_there = asked.exists() or asked.with_name(asked.name + _INDEX).exists()
    return own if written.stat().st_mtime >= since or not is_there else asked


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


def _method(method: Any, place: Callable[..., Path]) -> Any:
    @functools.wraps(method)
    def call(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, _by(place, filepath), *args, **kwargs)

    return call


def _function(function: Any, place: Callable[..., Path]) -> Any:
    @functools.wraps(function)
    def call(filepath: Any, *args: Any, **kwargs: Any) -> Any:
        return function(_by(place, filepath), *args, **kwargs)

    return call


def _by(place: Callable[..., Path], filepath: Any) -> Any:
    # Buffers of one's own are no files.
    return str(place(filepath)) if isinstance(filepath, (str, Path)) else filepath
