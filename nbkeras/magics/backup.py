"""``%backup``: what is in a directory of backups."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import line_magic, magics_class

from nbkeras.magics.base import NotebookMagics
from nbkeras.magics.grammar import Grammar, Option
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from nbkeras.callbacks.backup.store import Store

_ACTIONS = ("list", "show", "clear")

BACKUP = Grammar(
    magic="%backup",
    summary="List the backups of %%fit --backup DIR, show what the next run goes on from, or delete them.",
    details="""
        The last two backups of a training are kept. clear deletes them, and the directory if nothing else is
        in it; what is not a backup stays. A directory that a training uses is left alone.
        """,
    examples="""
        %backup list backups
        %backup show backups
        %backup clear backups
        """,
    options=(
        Option("ACTION", "What to do: list, show or clear.", complete=_ACTIONS),
        Option("DIR", "The directory of the backups.", complete="directory"),
    ),
)


@magics_class
class BackupMagics(NotebookMagics):
    """The magic ``%backup``."""

    @line_magic
    def backup(self, line: str) -> None:
        """Replaced by the grammar's help below."""
        values = BACKUP.parse(line)
        action, directory = values["action"], values["dir"]
        if action not in _ACTIONS:
            text = f"expected list, show or clear, received {action or 'nothing'}"
            raise UsageError(f"%backup: {text}: type  %backup list {directory or 'DIR'}")
        if not directory:
            text = (
                f"expected the directory of the backups, received {'none' if directory is None else repr('')}"
            )
            raise UsageError(f"%backup: {text}: type  %backup {action} DIR")
        from nbkeras.callbacks.backup.store import Store

        store = Store(Path(directory).expanduser())
        try:
            lines = _clear(store) if action == "clear" else _tell(store, action)
        except (Refusal, OSError) as error:
            raise UsageError(f"%backup: {str(error).removeprefix('backup: ')}") from None
        print("\n".join([*lines, *_of_other_fits(store.folder, action)]))  # noqa: T201 - the answer


def _tell(store: Store, action: str) -> list[str]:
    from nbkeras.callbacks.backup.about import details, row

    lines = {backup.name: row(backup, damaged=not store.is_sound(backup)) for backup in store.backups()}
    lines |= {name: f"{name}  damaged" for name in store.damaged()}
    if not lines:
        return [f"no backups in {str(store.folder)!r}"]
    if action == "list":
        return [lines[name] for name in sorted(lines, reverse=True)]
    loaded = store.load()
    return [] if loaded is None else [*loaded[2], *details(loaded[0])]


def _clear(store: Store) -> list[str]:
    from nbkeras.callbacks.backup.lock import clear_folder

    if not store.has_any():
        return [f"no backups in {str(store.folder)!r}"]
    count = clear_folder(store)
    return [f"deleted {count} backup{'s' * (count != 1)} in {str(store.folder)!r}"]


def _of_other_fits(folder: Path, action: str) -> list[str]:
    """Tell of the directories that the second and later fits of the same cell have taken."""
    from nbkeras.callbacks.backup.directories import has_own_name, own_directory
    from nbkeras.callbacks.backup.store import Store

    found: list[str] = []
    if not has_own_name(str(folder)):
        # No cell backs up to it.
        return found
    for number in itertools.count(2):
        other = Store(Path(own_directory(str(folder), number)))
        if not other.has_any():
            return found
        found.append(f"fit {number} of the cell: type  %backup {action} {other.folder}")
    return found


BackupMagics.backup.__doc__ = BACKUP.help()
