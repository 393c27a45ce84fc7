"""Brings the data of a training to where a backup was made, without training.

Keras's own ``fit`` runs from its first epoch, with a step in place of the training step that only takes a
batch from the data. So every source of data that gives the same each time it is begun anew is where it was,
however many iterators Keras makes of it. Where an epoch leaves the same behind whether it was read or not
(`skipping` tells), not even that is done. The first step trains: it makes what Keras makes at the first batch
(slots of the optimizer, metrics, the weights of a model that has none yet). What it has changed is put back
at once, and the backup then overwrites all.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.backup.identity import steps_at_once
from nbkeras.callbacks.backup.list_hooks import ListHooks, do_nothing
from nbkeras.callbacks.backup.randomness import read_random, write_random
from nbkeras.callbacks.backup.variables import Kept
from nbkeras.callbacks.frames import on_stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from nbkeras.callbacks.backup.boundaries import Retraced
    from nbkeras.callbacks.backup.skipping import Skipping

_SILENT = (
    *("on_test_begin", "on_test_end", "on_test_batch_begin", "on_test_batch_end"),
    *("on_batch_begin", "on_batch_end"),
)


class Replay:
    """One replay, from the beginning of a ``fit`` to the position of a backup.

    Args:
        model: the model, whose training step is replaced meanwhile.
        callbacks: the list of callbacks that Keras calls; none of them hears anything meanwhile.
        host: the frame of ``fit``.
        position: the epoch, counted from 0, and the steps done in it; 0 steps is the end of the epoch before.
        logs: what Keras shall take for the logs of the last step.
        skipping: what of the data need not be read.
        arrays_validate: whether the validation data are arrays, which need no replay.
        retraced: brings the random state to its place between epochs.
    """

    def __init__(
        self,
        model: Any,
        callbacks: Any,
        host: FrameType,
        *,
        position: tuple[int, int],
        logs: dict[str, Any],
        skipping: Skipping,
        arrays_validate: bool,
        retraced: Retraced,
    ) -> None:
        """Replace nothing yet."""
        self._model = model
        self._hooks = ListHooks(callbacks)
        self._host: FrameType | None = host
        self._position = position
        self._logs = logs
        self._skipping = skipping
        self._skip_validation = arrays_validate
        self._retraced = retraced
        self._first: int | None = None
        self._length: int | None = None
        self._functions: dict[str, Any] = {}
        self._here = (0, 0)
        self._kept: Kept | None = None
        self._then: Callable[[], None] = do_nothing
        self._missed: Callable[[tuple[int, int]], None] = do_nothing

    def begin(self, then: Callable[[], None], missed: Callable[[tuple[int, int]], None]) -> None:
        """Replace the training step and the hooks.

        Args:
            then: called at the position, when everything is in its place again.
            missed: called with where the data ended, if they end before the position.
        """
        self._then, self._missed = then, missed
        model = self._model
        self._functions = {name: getattr(model, name) for name in ("train_function", "test_function")}
        model.train_function = self._step
        model.test_function = self._test_step
        if self._skip_validation:
            model._should_eval = self._no_validation  # noqa: SLF001 - both lines ask it before each validation
        hooks = self._hooks
        for name in _SILENT:
            hooks.put(name, do_nothing)
        self._epoch_begin = hooks.put("on_epoch_begin", self._on_epoch_begin)
        hooks.put("on_train_batch_begin", self._on_batch_begin)
        hooks.put("on_train_batch_end", self._on_batch_end)
        hooks.put("on_epoch_end", self._on_epoch_end)

    def end(self) -> None:
        """Put everything in its place again; a second call does nothing."""
        if self._host is None:
            return
        self._host = None
        self._hooks.take()
        model = self._model
        for name, function in self._functions.items():
            # A compile meanwhile has made it None.
            if getattr(model, name) in (self._step, self._test_step):
                setattr(model, name, function)
        if "_should_eval" in vars(model):
            delattr(model, "_should_eval")

    @property
    def leaves_a_step(self) -> bool:
        """Whether the model has weights or slots of the one step that was trained, and had none before."""
        return self._kept is not None and not self._kept.is_whole

    # In place of the model's functions. A fit that an error or an interrupt ended calls nobody: the next
    # one meets these, and they find that theirs is gone.

    def _step(self, iterator: Any) -> Any:
        if not self._alive():
            return self._model.train_function(iterator)
        count = steps_at_once(self._model)
        epoch, step = self._here
        logs = {}
        if self._kept is None:
            self._kept = Kept(self._model)
            with self._kept:
                logs = self._functions["train_function"](iterator)
        elif not self._is_skipped(epoch):
            draw(iterator, count)
        elif self._length is not None and step >= self._length:
            raise StopIteration
        elif self._skipping.opened and step == 0:
            draw(iterator, 1)
        wanted, steps = self._position
        return dict(self._logs) if epoch == wanted and step + count >= steps > 0 else logs

    def _test_step(self, iterator: Any) -> Any:
        if not self._alive():
            self._model.make_test_function()
            return self._model.test_function(iterator)
        if not self._skipping.validation:
            draw(iterator, steps_at_once(self._model))
        return {}

    def _is_skipped(self, epoch: int) -> bool:
        """Tell whether the epoch under way need not be read."""
        if not self._skipping.training or epoch >= self._position[0]:
            return False
        # Keras learns from the first epoch how many steps there are, where the data do not say so.
        return not self._skipping.measured or epoch != self._first

    def _no_validation(self, *arguments: Any) -> bool:
        if not self._alive():
            return bool(self._model._should_eval(*arguments))  # noqa: SLF001 - its own again
        return False

    def _alive(self) -> bool:
        if self._host is not None and on_stack(self._host, sys._getframe()):  # noqa: SLF001 - CPython's documented way
            return True
        self.end()
        return False

    # In place of the list's hooks.

    def _on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._here = (epoch, 0)
        if self._first is None:
            self._first = epoch
        wanted, steps = self._position
        if epoch == wanted and steps:
            # The callbacks had this before the backup: the rest of the epoch needs what they set up here.
            # What they drew for it is set behind them, as in all epochs.
            before = read_random()
            self._epoch_begin(epoch, logs)
            write_random(before)
            self._take_over()
        self._retraced.come(epoch, "begin")

    def _take_over(self) -> None:
        """Keep a step that a callback has had made anew, as for layers that it thaws, for later."""
        made = self._model.train_function
        if made is not None and made != self._step:
            self._functions["train_function"] = made
            self._model.train_function = self._step

    def _on_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        self._here = (self._here[0], batch)

    def _on_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        self._here = (self._here[0], batch + 1)
        wanted, steps = self._position
        if self._here[0] == wanted and self._here[1] >= steps > 0:
            self._arrive()

    def _on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        wanted, steps = self._position
        self._retraced.come(epoch, "end")
        if self._skipping.measured and epoch == self._first:
            self._length = self._here[1]
        if (epoch + 1, 0) == (wanted, steps):
            if isinstance(logs, dict):
                # What Keras would pass on as the training's last logs, if this was its last epoch.
                logs.clear()
                logs.update(self._logs)
            self._arrive()
        elif epoch == wanted:
            self.end()
            self._missed(self._here)

    def _arrive(self) -> None:
        self.end()
        self._then()


def draw(iterator: Any, count: int) -> None:
    """Take batches as one call of a training step takes them.

    Raises:
        StopIteration: when there is none left.
    """
    next(iterator)
    for _ in range(count - 1):
        # The last call of an epoch may find fewer.
        if next(iterator, None) is None:
            return
