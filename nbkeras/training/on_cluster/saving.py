"""Models that a cell saves: each worker writes a file of its own, or all would write one file at a time.

Rank 0 writes where the cell says, the others into a folder of theirs: where variables are kept in several
parts, the workers read them together, and all have to.
"""

from __future__ import annotations

import functools
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

# Methods of models whose first argument is where they write.
METHODS = ("save", "save_weights", "export")


@contextmanager
def saved_elsewhere(folder: Path) -> Iterator[None]:
    """Let every model write into this folder meanwhile, under the names that its calls say.

    Args:
        folder: where; what is in it already is not moved.
    """
    models = [getattr(sys.modules.get(line), "Model", None) for line in LINES]
    places = [(model, name) for model in models if model for name in METHODS]
    before = [(model, name, vars(model).get(name)) for model, name in places]
    for model, name in places:
        setattr(model, name, _elsewhere(getattr(model, name), folder))
    try:
        yield
    finally:
        for model, name, own in before:
            if own is None:
                delattr(model, name)
            else:
                setattr(model, name, own)


def moved(path: str | os.PathLike[str], folder: Path) -> Path:
    """Return where a file is in a folder that has files of several folders; its own folder is made."""
    absolute = Path(path).absolute()
    if folder in absolute.parents:
        return absolute
    there = folder / absolute.relative_to(absolute.anchor)
    there.parent.mkdir(parents=True, exist_ok=True)
    return there


def _elsewhere(method: Any, folder: Path) -> Any:
    @functools.wraps(method)
    def write(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        # Buffers of one's own are no files.
        place = str(moved(filepath, folder)) if isinstance(filepath, (str, Path)) else filepath
        return method(self, place, *args, **kwargs)

    return write
