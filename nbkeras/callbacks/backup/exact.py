"""`ExactBackup`: the Keras callback from whose backups a training goes on bit for bit."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from nbkeras.callbacks import open_runs
from nbkeras.callbacks.backup.about import not_exact, what_next
from nbkeras.callbacks.backup.callback_draws import touching
from nbkeras.callbacks.backup.callback_states import (
    begin_files,
    history_of,
    read_callbacks,
    without_state,
)
from nbkeras.callbacks.backup.data_form import data_difference, drawn_otherwise, form_of
from nbkeras.callbacks.backup.files import CsvFiles
from nbkeras.callbacks.backup.identity import difference, form_difference, forms_of, identity_of
from nbkeras.callbacks.backup.list_hooks import ListHooks
from nbkeras.callbacks.backup.lock import FolderLock
from nbkeras.callbacks.backup.pacing import DEFAULT, Due, parse_every
from nbkeras.callbacks.backup.randomness import read_random
from nbkeras.callbacks.backup.reading import NoLock, Reader
from nbkeras.callbacks.backup.refusing import refuse_difference, refuse_finished, refuse_other_backups
from nbkeras.callbacks.backup.sources import inexact_sources
from nbkeras.callbacks.backup.store import Store
from nbkeras.callbacks.backup.way import Way
from nbkeras.callbacks.batch_hooks import hooks_caller
from nbkeras.callbacks.frames import inside_fit
from nbkeras.callbacks.monitor import MonitorHooks
from nbkeras.callbacks.plan import Continued
from nbkeras.runtime.keras_lines import Line, active_line, keras_module

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from datetime import timedelta
    from types import FrameType

    from nbkeras.callbacks.backup.store import Backup

    Logs: TypeAlias = Mapping[str, Any] | None


class ExactBackupHooks:
    """Back a training up so that it goes on, after whatever ended it, as if nothing had been.

    Put it first in the ``callbacks`` of ``fit``. When the same ``fit`` is called again after an interrupt, an
    error, a killed process or a reboot, the training goes on from the last backup, and ends with the weights,
    the optimizer and the history that it would have had: bit for bit on one machine with determinism on.
    Kept are all variables of the model, its metrics and its optimizer, the states of Keras's callbacks
    and the random states of Python, NumPy, Keras and TensorFlow; the data are brought to their place by
    reading them again from the beginning of the run, without training. What cannot be exact is said by name.

    A callback of one's own takes part with two methods: ``get_state()`` returns dicts and lists of numbers,
    texts and arrays, ``set_state(state)`` takes them back.

    Example:
        >>> import numpy as np, keras, nbkeras, tempfile
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile(optimizer="adam", loss="mse")
        >>> backup = nbkeras.ExactBackup(tempfile.mkdtemp(), every="epoch")
        >>> history = model.fit(np.ones((8, 1)), np.ones((8, 1)), epochs=2, shuffle=False, verbose=0,
        ...                     callbacks=[backup])

    Args:
        directory: where the backups go; it belongs to one training.
        every: ``"epoch"``, a number of steps, or a time such as ``"30s"``. Default ``"30s"``, at the end of a
            step, and rarer where backups would take more than 1/20 of the time.
        restart: delete the backups that are there and begin anew. Default False.
        reuse: let a finished training give its model and its history again, without training, in place of
            the refusal. Default False.

    Raises:
        Refusal: for an ``every`` that is none of these; before training when another training uses the
            directory, all its backups are damaged, they are of another model, optimizer or data, or the
            training is finished.
    """

    # Keras 3: see `Monitor`.
    async_safe = False

    def __init__(
        self,
        directory: str | os.PathLike[str],
        every: str | int | timedelta = DEFAULT,
        *,
        restart: bool = False,
        reuse: bool = False,
    ) -> None:
        super().__init__()
        self._supports_tf_logs = True
        self.every = parse_every(every)
        """How often it backs up."""
        self._restart, self._reuse = restart, reuse
        self._store: Store = Store(Path(directory).expanduser())
        self._lock: FolderLock = FolderLock(self._store.folder)
        self._found: tuple[Backup, Any] | None = None
        self._prepared = False
        self._way: Way | None = None
        self._give_back: Callable[[], None] | None = None
        self._identity: dict[str, Any] = {}
        self._form: dict[str, str] = {}
        self.say: Callable[[str], None] = _print
        """Tells the user a line; by default it is printed."""
        self.extra: dict[str, Any] = {}
        """What else the backups shall say of their run: its id, the seed of its data."""
        self.values: dict[str, str] | None = None
        """Digests of the user's data, where ``fit`` gets them in another form."""
        self.host: FrameType | None = None
        """The frame of the ``fit`` under way, see `open_runs`."""

    def only_read(self) -> None:
        """Write nothing: another process of the same training does, and this one goes on from the same."""
        self._store, self._lock = Reader(self._store.folder), NoLock(self._store.folder)
        # Each process may have a part of the data, and the backup knows that of one.
        self.values = {}

    @property
    def every_text(self) -> str:
        """How often, in words."""
        return self.every.text

    def prepare(self, model: Any, epochs: int, *, hold: bool = True, passes: bool = False) -> list[str]:
        """Look for the backup to go on from, before anything is changed.

        Args:
            model: the model, compiled.
            epochs: the epochs that the coming ``fit`` is asked for.
            hold: hold the directory from now on, and not only from the beginning of the training.
            passes: let a finished training pass, with what it came to, because a later one goes on.

        Returns:
            What is to be said of it.

        Raises:
            Refusal: see the class.
        """
        if self._prepared:
            return []
        # A fit that an error has ended told its callbacks nothing, and may hold this directory.
        open_runs.close_abandoned(None)
        # As the cell has made it: a callback may change it, and the first batch builds it.
        self._identity = identity_of(model)
        if hold:
            self._lock.take()
        try:
            notes = [] if self._restart else self._look(model, epochs, passes=passes)
        except BaseException:
            self._lock.release()
            raise
        self._prepared = True
        return notes

    @property
    def found(self) -> dict[str, Any] | None:
        """What the backup says that the coming ``fit`` goes on from, None when it begins anew."""
        return None if self._found is None else self._found[0].about

    def close(self) -> None:
        """Let go of everything; a second call does nothing."""
        open_runs.closed(self)
        self.host = None
        way, self._way = self._way, None
        if way is not None:
            way.end()
        if self._give_back is not None:
            # There was no training after all.
            self._give_back()
            self._give_back = None
        self._prepared, self._found = False, None
        self._lock.release()

    def fail(self, error: BaseException | None) -> None:  # noqa: ARG002 - as of any open run
        """Let go of a ``fit`` that was left."""
        self.close()

    # Keras calls the methods below.

    def set_params(self, params: Any) -> None:
        """Look for a backup as soon as the epochs are known: no callback has begun anything by then."""
        super().set_params(params)  # type: ignore[misc]  # Keras's base class brings it
        if params and params.get("epochs") and inside_fit():
            # Before this one or another holds its directory.
            refuse_other_backups(self._others(hooks_caller()))
            self._say_all(self.prepare(self.model, params["epochs"]))  # type: ignore[attr-defined]

    def on_train_begin(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Take the place before and behind all callbacks, once every one of them has begun."""
        host, caller = _callers_caller(), hooks_caller()
        self._say_all(self.prepare(self.model, self.params["epochs"]))  # type: ignore[attr-defined]
        try:
            self._take_places(host, caller)
        except BaseException:
            self.close()
            raise

    def _take_places(self, host: FrameType, caller: Any) -> None:
        self._lock.take()
        self.host = host
        open_runs.opened(self)
        others = self._others(caller)
        refuse_other_backups(others)
        read_callbacks(others)  # A get_state that gives no data is refused now.
        if self._restart:
            self._store.clear()
        self._form = form_of(host.f_locals, self.values)
        if self.found is not None:
            refuse_difference(self._store.folder, data_difference(self.found["data"], self._form))
            self._give_back = CsvFiles(others).give_back
            self._say_all(drawn_otherwise(self.found["data"], self._form))
        self._reopen(others)
        self._say_all(without_state(others))
        ordered = "data_seed" in self.extra
        model = self.model  # type: ignore[attr-defined]
        given = host.f_locals
        self._say_all(inexact_sources(given, model, arrays_are_ordered=ordered))
        self._say_all(touching(others, given))
        hooks = ListHooks(caller)

        def first(epoch: int, logs: Any = None) -> None:
            hooks.take()
            self._begin(caller, host, epoch)
            caller.on_epoch_begin(epoch, logs)

        hooks.put("on_epoch_begin", first)

    def on_train_end(self, logs: Logs = None) -> None:  # noqa: ARG002 - Keras passes them
        """Note that the training has come to its end."""
        if self._way is not None:
            self._way.refuse_if_not_there()
            if self._way.last is not None:
                self._store.amend(self._way.last, {"finished": True})
        self.close()

    # tf_keras asks these; Keras 3's base class lacks them. What follows the batches is set on the list.

    def _implements_train_batch_hooks(self) -> bool:
        return False

    def _implements_test_batch_hooks(self) -> bool:
        return False

    def _implements_predict_batch_hooks(self) -> bool:
        return False

    def _look(self, model: Any, epochs: int, *, passes: bool) -> list[str]:
        loaded = self._store.load()
        if loaded is None:
            return []
        backup, state, notes = loaded
        refuse_finished(self._store.folder, about := backup.about, epochs, passes=passes or self._reuse)
        refuse_difference(self._store.folder, difference(about["identity"], self._identity))
        if getattr(model, "built", False):
            # Slots and metrics may be made by the first step; the model's own variables are there.
            refuse_difference(
                self._store.folder, form_difference({"model": about["variables"]["model"]}, forms_of(model))
            )
        self._found = (backup, state)
        said = what_next(backup, str(self._store.folder), epochs, self._identity)
        return [*notes, said, *not_exact(about, self._identity)]

    def _reopen(self, others: list[Any]) -> None:
        """Let the Monitor of the list go on with the run of the backup."""
        if self._found is None or "run" not in self._found[0].about:
            return
        about, state = self._found[0].about, self._found[1]
        for callback in others:
            if isinstance(callback, MonitorHooks):
                history = history_of(state["callbacks"])
                callback.continue_run(about["run"], Continued(about["done"], about["position"][0], history))

    def _begin(self, caller: Any, host: FrameType, epoch: int) -> None:
        began = read_random()
        begin_files(caller.callbacks, validates=host.f_locals.get("validation_data") is not None)
        for callback in caller.callbacks:
            if isinstance(callback, MonitorHooks) and callback.run is not None:
                self.extra["run"] = callback.run.id
                self.say = callback.run.add_note
        about = {
            "epochs": self.params["epochs"],  # type: ignore[attr-defined]
            "identity": self._identity,
            "data": self._form,
            **self.extra,
        }
        found, give_back = self._found, self._give_back
        self._found = self._give_back = None
        self._way = Way(
            self,
            caller,
            host,
            store=self._store,
            due=Due(self.every),
            about=about,
            began=began,
            say=self.say,
            give_back=give_back,
        )
        self._way.begin(epoch, found)

    def _others(self, caller: Any) -> list[Any]:
        return [callback for callback in getattr(caller, "callbacks", ()) if callback is not self]

    def _say_all(self, lines: Any) -> None:
        for line in lines:
            self.say(line)


def _callers_caller() -> FrameType:
    return sys._getframe(3)  # noqa: SLF001 - from here: this, the hook, CallbackList, fit itself


def _print(text: str) -> None:
    print(f"nbkeras: {text}")  # noqa: T201 - in a plain fit there is no other place to say it


@functools.lru_cache(maxsize=2)
def exact_backup_class(line: Line | None = None) -> type[Any]:
    """Return `ExactBackup` as a callback of one Keras line, the active one by default."""
    base = keras_module(line or active_line()).callbacks.Callback
    members = {"__doc__": ExactBackupHooks.__doc__, "__module__": "nbkeras"}
    return type("ExactBackup", (ExactBackupHooks, base), members)
