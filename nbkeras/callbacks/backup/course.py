"""A training under way: where it is, and the backups made of it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.by_hand import settings_of
from nbkeras.callbacks.backup.callback_states import event_files, read_callbacks
from nbkeras.callbacks.backup.cut_epoch import hidden_from_checkpoints
from nbkeras.callbacks.backup.identity import forms_of
from nbkeras.callbacks.backup.list_hooks import ListHooks
from nbkeras.callbacks.backup.randomness import read_random
from nbkeras.callbacks.backup.variables import read_replicas, read_variables
from nbkeras.callbacks.monitor import MonitorHooks
from nbkeras.callbacks.recorder import scalars
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbkeras.callbacks.backup.boundaries import Boundaries
    from nbkeras.callbacks.backup.pacing import Due
    from nbkeras.callbacks.backup.store import Backup, Store


class Course:
    """Follows one ``fit`` from outside its callbacks, and backs it up when that is due.

    Args:
        model: the model that is trained.
        callbacks: the list of callbacks that Keras calls.
        own: the callback that all this belongs to; its state is not kept.
        store: where the backups go.
        due: says when.
        about: what is said of each backup besides its position.
        began: the random state at the beginning of the run.
        boundaries: notes the random states between epochs.
        say: tells the user a line.
        done: steps done before this ``fit`` began to train.
    """

    def __init__(
        self,
        model: Any,
        callbacks: Any,
        own: Any,
        *,
        store: Store,
        due: Due,
        about: dict[str, Any],
        began: dict[str, Any],
        boundaries: Boundaries,
        say: Callable[[str], None],
        done: int = 0,
    ) -> None:
        """Follow nothing yet."""
        self._model = model
        self._hooks = ListHooks(callbacks)
        self._own = own
        self._store = store
        self._due = due
        self._about = about
        self._began = began
        self._boundaries = boundaries
        self._say = say
        self._before = done
        self._epoch = 0
        self._step = 0
        self._cut = False
        self._said: set[str] = set()
        self.last: Backup | None = None
        """The backup of the run's end, once there is one."""

    def begin(self, epoch: int = 0, step: int = 0) -> None:
        """Follow the training from a position on."""
        self._epoch, self._step = epoch, step
        self._before -= step
        hooks = self._hooks
        self._epoch_begin = hooks.put("on_epoch_begin", self._on_epoch_begin)
        self._batch_end = hooks.put("on_train_batch_end", self._on_batch_end)
        self._epoch_end = hooks.put("on_epoch_end", self._on_epoch_end)

    def end(self) -> None:
        """Leave the list of callbacks as it was."""
        self._hooks.take()
        # What TensorBoard's writers hold back would come later, into files that the next run has cut.
        event_files(self._hooks.callbacks.callbacks)

    @property
    def done(self) -> int:
        """The steps of the whole run."""
        return self._before + self._step

    def _on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch
        self._before += self._step
        self._step = 0
        self._boundaries.around(epoch, "begin", lambda: self._epoch_begin(epoch, logs))

    def _on_batch_end(self, batch: int, logs: Any = None) -> None:
        self._batch_end(batch, logs)
        self._step = batch + 1
        if self._model.stop_training:
            # Before the validation and the end of an epoch that was cut short.
            self._cut = True
            self._save((self._epoch, self._step), logs)
        elif self._due.after_step(self._before + self._step):
            self._save((self._epoch, self._step), logs)

    def _on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self._cut:
            with hidden_from_checkpoints(self._hooks.callbacks.callbacks) as names:
                self._epoch_end(epoch, logs)
            if names:
                self._say(
                    f"the epoch was cut: {' and '.join(names)} saved nothing at its end, and does when the "
                    "next run has come there"
                )
            return
        self._boundaries.around(epoch, "end", lambda: self._epoch_end(epoch, logs))
        whole, stops = epoch + 1 >= self._about["epochs"], bool(self._model.stop_training)
        # Asked for in the validation: by then the epoch is a whole one, and the training is not.
        self._cut = stops and not whole and self._is_interrupted()
        ended = (whole or stops) and not self._cut
        if whole or stops or self._due.after_epoch():
            backup = self._save((epoch + 1, 0), logs)
            self.last = backup if ended else None

    def _is_interrupted(self) -> bool:
        """Tell whether the user ends the training, and no callback that would end it again."""
        callbacks = self._hooks.callbacks.callbacks
        runs = [each.run for each in callbacks if isinstance(each, MonitorHooks)]
        by_user = any(run is not None and run.control.stopping for run in runs)
        return by_user and not any(getattr(each, "stopped_epoch", 0) for each in callbacks)

    def _save(self, position: tuple[int, int], logs: Any) -> Backup | None:
        values = scalars(logs if isinstance(logs, dict) else {})
        if not math.isfinite(values.get("loss", 0.0)):
            self._say_once(f"no backup at a loss of {values['loss']}: the one before stays")
            return None
        began = time.monotonic()
        done = self._before + self._step
        try:
            backup = self._store.save(self._described(position, done), self._state(values))
        except OSError as error:
            # The training is worth more than its backup.
            self._say_once(f"no backup: {error.strerror or error}; the training goes on")
            backup = None
        except Refusal as error:
            # A callback of the user's whose state could be had at the beginning.
            self._say_once(f"no {error}; the training goes on, and the backup before stays")
            backup = None
        self._due.saved(done, time.monotonic() - began)
        return backup

    def _described(self, position: tuple[int, int], done: int) -> dict[str, Any]:
        here = {"position": list(position), "done": done, "time": time.time(), "finished": False}
        return {
            **self._about,
            **here,
            "variables": forms_of(self._model),
            "settings": settings_of(self._model),
        }

    def _state(self, logs: Mapping[str, float]) -> dict[str, Any]:
        others = [each for each in self._hooks.callbacks.callbacks if each is not self._own]
        return {
            "variables": read_variables(self._model),
            "replicas": read_replicas(self._model),
            "callbacks": read_callbacks(others),
            "random": read_random(),
            "began": self._began,
            "boundaries": self._boundaries.state(),
            "logs": dict(logs),
            # A stop at an epoch's end is how the run ends; one in the midst of it is to be gone on from.
            "stop": bool(self._model.stop_training) and not self._cut,
        }

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)
