"""Batches that reach the monitor straight, where no other callback listens to them.

Keras 3 makes Python floats of the logs of every batch before it calls its callbacks: each batch then waits
until the device has computed them. The monitor looks at ten batches a second, and nobody looks at the
others. So its list of callbacks is given, for one call, hooks that hand over the logs as they are.
"""

from __future__ import annotations

import sys
from typing import Any

from nbkeras.runtime.keras_lines import keras_module, line_of

# By the hook of the list: those of a callback that hear of it.
_BEGINS = {
    "on_train_batch_begin": ("on_train_batch_begin", "on_batch_begin"),
    "on_test_batch_begin": ("on_test_batch_begin",),
    "on_predict_batch_begin": ("on_predict_batch_begin",),
}
_ENDS = {
    "on_train_batch_end": ("on_train_batch_end", "on_batch_end"),
    "on_test_batch_end": ("on_test_batch_end",),
    "on_predict_batch_end": ("on_predict_batch_end",),
}


class StraightHooks:
    """What was changed about one list of callbacks."""

    def __init__(self) -> None:
        """Start with nothing changed."""
        self._list: Any = None
        self._names: list[str] = []

    def set(self, caller: Any, monitor: Any) -> None:
        """Let a list of Keras 3 call the monitor straight.

        Args:
            caller: who called the monitor's begin hook; nothing is done unless it is Keras's own list.
            monitor: a callback of that list.
        """
        self.remove()
        # tf_keras hands over tensors by itself to callbacks that ask for them.
        if line_of(caller) != "keras":
            return
        callbacks = keras_module("keras").callbacks
        if type(caller) is not callbacks.CallbackList or monitor not in caller.callbacks:
            return
        self._list = caller
        others = [callback for callback in caller.callbacks if callback is not monitor]
        for hook, heard_by in (_BEGINS | _ENDS).items():
            if any(_hears(each, name, callbacks.Callback) for each in others for name in heard_by):
                continue
            self._names.append(hook)
            setattr(caller, hook, _do_nothing if hook in _BEGINS else getattr(monitor, hook))

    def remove(self) -> None:
        """Give the list its own hooks back: a list that the caller made may serve again."""
        for name in self._names:
            delattr(self._list, name)
        self._list, self._names = None, []


def hooks_caller() -> Any:
    """Return the object whose method called the hook that calls this."""
    return sys._getframe(2).f_locals.get("self")  # noqa: SLF001 - CPython's documented way to a frame


def _hears(callback: Any, name: str, base: Any) -> bool:
    # A callback may define a hook in its class, or set it on itself.
    return getattr(getattr(callback, name, None), "__func__", None) is not getattr(base, name)


def _do_nothing(batch: int, logs: Any = None) -> None:
    """Stand for the beginning of a batch, of which nobody hears."""
