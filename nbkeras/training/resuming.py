"""What ``--backup`` does to one ``fit``: the callback, the order of arrays, the run that goes on."""

from __future__ import annotations

import itertools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.data_values import values_of
from nbkeras.callbacks.backup.directories import own_directory
from nbkeras.callbacks.backup.exact import exact_backup_class
from nbkeras.callbacks.backup.lock import clear_folder, note_cell_end
from nbkeras.callbacks.backup.pacing import DEFAULT
from nbkeras.callbacks.backup.refusing import refuse_other_backups
from nbkeras.callbacks.backup.store import Store
from nbkeras.reproducibility.seeding import LARGEST, current_seed, next_order
from nbkeras.runtime.keras_lines import active_line, keras_module, line_of
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.callback_lists import members_of
from nbkeras.training.seeded import feed_in_order, seeded_notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbkeras.training.calls import Call
    from nbkeras.training.options import FitOptions

_DATA = ("x", "y", "sample_weight", "validation_data")
_RANDOM = "random layers made in this cell draw from generators whose state can be kept, by --backup"


class Resuming:
    """The backup of one ``fit``.

    Args:
        call: the call; its arrays are given an order that can be repeated.
        options: of the cell, with ``backup``.
        number: which fit of its cell it is, from 1: each has a directory of its own.
        run: the id of its run, if it does not go on with an earlier one.
        order_seed: seed of the arrays' order, where neither the options nor a backup has one. Default None:
            that of ``%seed``, or any.
        data: the user's own by the names of ``fit``, where the call has others in their place. Default None.
        writes: whether this process writes the backups. Default True; else another one of the same training.

    Raises:
        Refusal: as `nbkeras.ExactBackup` does, with nothing changed.
    """

    def __init__(
        self,
        call: Call,
        options: FitOptions,
        number: int,
        run: str,
        *,
        order_seed: int | None = None,
        data: Mapping[str, Any] | None = None,
        writes: bool = True,
    ) -> None:
        """Look for a backup to go on from."""
        assert options.backup is not None  # noqa: S101 - asked before
        refuse_other_backups(members_of(call.get("callbacks")))
        line = line_of(call.model) or active_line()
        self._directory = own_directory(options.backup, number)
        self.callback = exact_backup_class(line)(
            self._directory, options.every, restart=options.restart, reuse=options.reuse
        )
        # As the user gave them: arrays are about to be given an order.
        self.callback.values = values_of(data or {name: call.get(name) for name in _DATA})
        self._writes = writes
        if not writes:
            self.callback.only_read()
        epochs = int(call.get("epochs", default=options.epochs or 1))
        passes = not options.restart and _later_one_goes_on(options.backup, number)
        self._found = self.callback.prepare(call.model, epochs, hold=False, passes=passes)
        found = self.callback.found
        self.run = str((found or {}).get("run", run))
        kept = None if found is None else found.get("data_seed")
        new = order_seed if order_seed is not None and options.seed is None else _seed(options, number)
        self._seed = new if options.seed is not None or kept is None else int(kept)
        if kept is not None and kept != self._seed:
            raise Refusal(
                f"backup: expected the seed of the backup, received another one: type  --seed "
                f"{(kept - number + 1) % LARGEST} , or begin anew with  --restart"
            )
        if found is not None and found.get("pad", False) != options.pad:
            raise Refusal(
                f"pad: expected what the run of the backups in {self._directory!r} had, "
                f"{'no --pad' if options.pad else '--pad'}, received {'it' if options.pad else 'none'}: "
                f"{'leave it out' if options.pad else 'add  --pad '}, or begin anew with  --restart"
            )
        before = _end_of(own_directory(options.backup, number - 1)) if number > 1 else None
        if found is not None and found.get("after") != before:
            raise Refusal(
                f"backup: expected the fit before it as it was, received one that has gone on since the "
                f"backups in {self._directory!r}: begin anew with  --restart"
            )
        # Until the cell has come to its end, nobody may have seen what the training came to.
        self.callback.extra |= {"data_seed": self._seed, "after": before, "cell_under_way": True}
        if options.pad:
            self.callback.extra["pad"] = True

    def cell_ended(self) -> None:
        """Note that the cell came to its end, so that a finished training does not pass any more."""
        note_cell_end(Store(Path(self._directory)))

    def begin(self, call: Call, options: FitOptions, number: int, notes: list[str]) -> None:
        """Give the arrays an order that can be repeated; say so, and what there is to say of the backup."""
        kept = f", {options.backup} keeps those of an earlier fit of the cell" if number > 1 else ""
        notes += [f"backs up to {self._directory} {self.callback.every_text} by --backup{kept}", *self._found]
        if options.seed is not None:
            notes += seeded_notes(call, options, number)
        else:
            notes += filter(None, [feed_in_order(call, self._seed, by="--backup")])
        if line_of(call.model) == "tf_keras":
            notes.append(_RANDOM)
        if options.restart and self._writes:
            _clear_later(str(options.backup), number)
        # A line above the monitor is worth more than one below the cell.
        self.callback.say = notes.append


def backup_code(options: FitOptions, number: int) -> str:
    """Return the expression that makes the callback of one fit of a cell."""
    assert options.backup is not None  # noqa: S101 - asked before
    every = "" if options.every == DEFAULT else f", every={options.every!r}"
    how = ", restart=True" if options.restart else ", reuse=True" if options.reuse else ""
    return f"nbkeras.ExactBackup({own_directory(options.backup, number)!r}{every}{how})"


def _end_of(directory: str) -> list[Any] | None:
    """Return what tells the end of one training from other ones."""
    backups = Store(Path(directory)).backups()
    return [backups[0].about.get("run"), backups[0].about["done"]] if backups else None


def _later(directory: str, number: int) -> Iterator[Store]:
    """Give the backups of the fits of a cell that come after one of them."""
    for later in itertools.count(number + 1):
        store = Store(Path(own_directory(directory, later)))
        if not store.folder.is_dir():
            return
        yield store


def _later_one_goes_on(directory: str, number: int) -> bool:
    """Tell whether a later fit of the cell was begun and is not finished."""
    newest = [store.backups()[:1] for store in _later(directory, number)]
    return any(not backups or not backups[0].about["finished"] for backups in newest)


def _clear_later(directory: str, number: int) -> None:
    """Delete the backups of later fits: they went on from what is done anew."""
    for store in list(_later(directory, number)):
        clear_folder(store)


@contextmanager
def kept_generators(*, backup: bool) -> Iterator[None]:
    """Let tf_keras's random layers, those that are made inside, draw from generators that can be kept."""
    if not backup or active_line() != "tf_keras":
        yield
        return
    backend = keras_module("tf_keras").backend.experimental
    before = backend.is_tf_random_generator_enabled()
    backend.enable_tf_random_generator()
    try:
        yield
    finally:
        if not before:
            backend.disable_tf_random_generator()


def _seed(options: FitOptions, number: int) -> int:
    if options.seed is not None:
        return int(options.seed + number - 1) % LARGEST
    if current_seed() is not None:
        return int(next_order())
    return int.from_bytes(os.urandom(4), "big") % LARGEST
