"""Parameters that are places on disk: files and folders to read or to write."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.recipes.parameter import Parameter, shown

if TYPE_CHECKING:
    from collections.abc import Callable


_OFFERED = 100
"""The most files or folders that are offered: a longer list helps nobody."""
_LOOKED_AT = 10_000
"""The most files that are looked at for a check: it is made while one types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File(Parameter):
    """A file's path, as one would type it in a notebook; ``~`` stands for the home directory.

    Args:
        suffixes: endings of which it needs one, ``(".keras",)``; none for any.
        exists: whether the file must be there already; else its folder must, when it names one that the
            code does not make.
        optional: whether an empty path is fine.
    """

    suffixes: tuple[str, ...] = ()
    exists: bool = False
    optional: bool = False

    def check(self, value: Any) -> str:
        """Refuse what can't be such a path."""
        if self.optional and value == "":
            return ""
        problem = _no_path(value, "a file's path")
        expected = problem or self._expected(value)
        return problem or (expected and f"expected {expected}, received {shown(value)}")

    def there(self) -> list[str]:
        """Return the files of the notebook's folder that fit, to choose from; others can be typed."""
        return _in_folder(lambda path: path.is_file() and path.name.endswith(self.suffixes or ("",)))

    def _expected(self, value: str) -> str:
        path = Path(value).expanduser()
        if self.suffixes and not value.endswith(self.suffixes):
            return f"a path that ends with {' or '.join(self.suffixes)}"
        if self.exists:
            return "" if path.is_file() else "a file that exists"
        if path.is_dir():
            return "a file's path and no folder's"
        return "" if path.parent.is_dir() else "a path in a folder that exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder(Parameter):
    """A folder's path; ``exists`` asks for one that is there already, ``optional`` admits an empty path."""

    exists: bool = False
    optional: bool = False

    def check(self, value: Any) -> str:
        """Refuse what can't be such a path."""
        if self.optional and value == "":
            return ""
        problem = _no_path(value, "a folder's path")
        if problem:
            return problem
        path = Path(value).expanduser()
        if self.exists and not path.is_dir():
            return f"expected a folder that exists, received {shown(value)}"
        if path.is_file():
            return f"expected a folder's path, received the file {shown(value)}"
        return ""

    def there(self) -> list[str]:
        """Return the folders in the notebook's folder, to choose from; others can be typed."""
        return _in_folder(Path.is_dir)


def absent(value: str) -> str:
    """Return that a file to read is not there, ``""`` if it is; for checks in a notebook.

    Code for a file that is still to come can be had without one.
    """
    there = Path(value).expanduser().is_file()
    return "" if there else f"expected a file that exists, received {shown(value)}"


def unlike_classes(value: str, suffixes: tuple[str, ...], least: int) -> str:
    """Return what a folder lacks of a folder for each class with files in it, ``""`` if nothing.

    Args:
        value: the path of a folder that exists.
        suffixes: the endings that Keras takes, in small letters.
        least: how many files are needed, in all classes together.
    """
    folder = Path(value).expanduser()
    try:
        classes = [each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")]
    except OSError as error:
        return f"expected a folder that can be read, received {shown(value)} ({error})"
    if len(classes) < 2:  # noqa: PLR2004 - one class can't be told from another
        held = f"received {shown(value)} with {len(classes)}"
        return f"expected a folder in it for each of two or more classes, {held}"
    # As Keras looks for them; a folder that was chosen by mistake may hold a whole disk.
    walked = islice(chain.from_iterable(each.rglob("*") for each in classes), _LOOKED_AT)
    endings = [each.name.lower().endswith(suffixes) for each in walked]
    if sum(endings) >= least or len(endings) == _LOOKED_AT:
        return ""
    return (
        f"expected {least} files or more that end with {', '.join(suffixes)} in the classes' folders, "
        f"received {shown(value)} with {sum(endings)}"
    )


def _in_folder(fits: Callable[[Path], bool]) -> list[str]:
    """Return what fits in the current folder, hidden things left out."""
    try:
        found = sorted(path.name for path in Path().iterdir() if path.name[0] not in "._" and fits(path))
    except OSError:
        # The folder may have gone, or may not be read.
        return []
    return [name for name in found if name.isprintable()][:_OFFERED]


def _no_path(value: Any, expected: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        return f"expected {expected}, received {shown(value)}"
    try:
        Path(value).expanduser().exists()
    except (OSError, RuntimeError, ValueError) as error:
        return f"expected {expected}, received {shown(value)} ({error})"
    return ""
