"""The backups of one training in one folder: the last two, each with a manifest that vouches for it.

A backup is ``backup-000012.h5``, which holds the state, and ``backup-000012.json``, which says what it is of
and has the checksums. The manifest is written last: a state without one is a backup that was cut short.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.arrays_file import read_state, write_state
from nbkeras.callbacks.backup.durable import PART, sha256_of, write_whole
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 3
KEPT = 2
_NAME = re.compile(r"backup-(\d{6,})\.(h5|json)(\.part)?")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup whose manifest is sound.

    Attributes:
        number: it grows by one with each backup of the folder.
        about: what it is of, see `nbkeras.callbacks.backup.about`.
        size: bytes of the state.
        sha256: their checksum.
    """

    number: int
    about: dict[str, Any]
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """What people call it: ``backup-000012``."""
        return f"backup-{self.number:06d}"


class Store:
    """The backups in a folder.

    Args:
        folder: the folder; it is made with the first backup.
    """

    def __init__(self, folder: Path) -> None:
        """Look at nothing yet."""
        self.folder = folder
        self._unsound: set[int] = set()

    def save(self, about: dict[str, Any], state: Any) -> Backup:
        """Write a backup, then let go of all but the last two.

        Raises:
            OSError: when it cannot be written; the others are as they were.
            TypeError: when something in the state is no data.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        number = max(self._numbers(), default=0) + 1
        path = self.folder / f"backup-{number:06d}.h5"
        write_whole(path, lambda aside: write_state(aside, state))
        backup = Backup(number, about, path.stat().st_size, sha256_of(path))
        text = _manifest(backup)
        write_whole(path.with_suffix(".json"), lambda aside: _write_text(aside, text))
        self._prune()
        return backup

    def amend(self, backup: Backup, more: dict[str, Any]) -> None:
        """Say more of a backup; where that cannot be written, it stays as it was."""
        amended = replace(backup, about={**backup.about, **more})
        with suppress(OSError):
            path = self._path(backup.number, "json")
            write_whole(path, lambda aside: _write_text(aside, _manifest(amended)))

    def backups(self) -> list[Backup]:
        """List the backups with a sound manifest, newest first; their states are not read."""
        found = (self._manifest(number) for number in self._numbers())
        return [backup for backup in found if backup is not None]

    def damaged(self) -> list[str]:
        """Name the backups whose manifest is there and not sound, newest first."""
        return [
            f"backup-{number:06d}"
            for number in self._numbers()
            if self._path(number, "json").exists() and self._manifest(number) is None
        ]

    def load(self) -> tuple[Backup, Any, list[str]] | None:
        """Read the newest sound backup.

        Returns:
            The backup, its state, and what is to be said of newer ones that are damaged; None when the
            folder has never held a whole one.

        Raises:
            Refusal: when there were backups and none is sound.
        """
        damaged: list[str] = []
        for number in self._numbers():
            if not self._path(number, "json").exists():
                continue  # Cut short before it was whole.
            backup = self._manifest(number)
            state = None if backup is None else self._state(backup)
            if backup is not None and state is not None:
                notes = [f"{name} is damaged: {backup.name} is used, the one before it" for name in damaged]
                return backup, state, notes
            self._unsound.add(number)
            damaged.append(f"backup-{number:06d}")
        if not damaged:
            return None
        raise Refusal(
            f"backup: expected a sound backup in {str(self.folder)!r}, received {_joined(damaged)}, damaged: "
            "begin anew with  --restart  (restart=True), or give another directory"
        )

    def is_sound(self, backup: Backup) -> bool:
        """Tell whether a backup's state is as it was written."""
        return self._state(backup) is not None

    def has_any(self) -> bool:
        """Tell whether there is anything to clear."""
        return bool(self._numbers())

    def clear(self) -> int:
        """Delete the backups, and the folder if nothing else is in it; return how many there were."""
        numbers = self._numbers()
        for number in numbers:
            self._delete(number)
        with suppress(OSError):
            self.folder.rmdir()
        return len(numbers)

    def _prune(self) -> None:
        numbers = [number for number in self._numbers() if number not in self._unsound]
        whole = [number for number in numbers if self._path(number, "json").exists()]
        for number in self._numbers():
            if number not in whole[:KEPT]:
                self._delete(number)

    def _delete(self, number: int) -> None:
        # The manifest first: what is left of it then counts for nothing.
        for ending in ("json", "h5"):
            for end in ("", PART):
                path = self._path(number, ending)
                path.with_name(path.name + end).unlink(missing_ok=True)
        self._unsound.discard(number)

    def _numbers(self) -> list[int]:
        try:
            names = [path.name for path in self.folder.iterdir()]
        except OSError:
            return []
        found = {int(match[1]) for match in map(_NAME.fullmatch, names) if match is not None}
        return sorted(found, reverse=True)

    def _path(self, number: int, ending: str) -> Path:
        return self.folder / f"backup-{number:06d}.{ending}"

    def _manifest(self, number: int) -> Backup | None:
        try:
            text = self._path(number, "json").read_bytes()
            content = json.loads(text)
            check = content.pop("check")
            if check != _check(content):
                return None
        except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return None
        if content["format"] > FORMAT:
            raise Refusal(
                f"backup: expected a backup of this nbkeras, received one of a newer nbkeras in "
                f"{str(self.folder)!r}: type  %pip install -U nbkeras"
            )
        if content["format"] < FORMAT:
            raise Refusal(
                f"backup: expected a backup of this nbkeras, received one of an earlier nbkeras, which "
                f"says too little of its training, in {str(self.folder)!r}: begin anew with  --restart  "
                "(restart=True)"
            )
        backup = Backup(number, content["about"], content["size"], content["sha256"])
        # To the byte: JSON allows for blanks that nobody has written.
        return backup if text == _manifest(backup).encode() else None

    def _state(self, backup: Backup) -> Any:
        path = self._path(backup.number, "h5")
        try:
            if path.stat().st_size != backup.size or sha256_of(path) != backup.sha256:
                return None
            return read_state(path)
        except (OSError, KeyError, ValueError):
            return None


def _manifest(backup: Backup) -> str:
    content: dict[str, Any] = {
        "format": FORMAT,
        # A backup under another's name is not what its place says.
        "number": backup.number,
        "size": backup.size,
        "sha256": backup.sha256,
        "about": backup.about,
    }
    return json.dumps(content | {"check": _check(content)}, indent=1) + "\n"


def _check(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def _joined(names: list[str]) -> str:
    return " and ".join(names)
