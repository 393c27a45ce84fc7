"""Hooks of our own on one list of callbacks, for one ``fit``.

Keras calls the list, and the list its callbacks. What shall come before all callbacks or after all of them,
or instead of them, is set on the list itself: their order, and what is added at the end, then matter no more.
"""

from __future__ import annotations

from typing import Any

_ASYNC = ("_async_train", "_async_test", "_async_predict")


class ListHooks:
    """What is set on one list of callbacks.

    Args:
        callbacks: the list, of either Keras line.
    """

    def __init__(self, callbacks: Any) -> None:
        """Set nothing yet."""
        self.callbacks = callbacks
        self._set: dict[str, tuple[Any, Any]] = {}
        # Keras 3 would call batch hooks from threads where no callback of the list minds.
        for name in _ASYNC:
            if hasattr(callbacks, name):
                setattr(callbacks, name, False)

    def put(self, name: str, hook: Any) -> Any:
        """Set a hook, and return the one that it takes the place of."""
        before = getattr(self.callbacks, name)
        own = self._set[name][0] if name in self._set else vars(self.callbacks).get(name)
        self._set[name] = (own, hook)
        setattr(self.callbacks, name, hook)
        return before

    def take(self) -> None:
        """Give the list its own hooks back, but for those that somebody has set anew."""
        for name, (before, hook) in self._set.items():
            if vars(self.callbacks).get(name) is not hook:
                continue
            if before is None:
                delattr(self.callbacks, name)
            else:
                setattr(self.callbacks, name, before)
        self._set.clear()


def do_nothing(*_: Any, **__: Any) -> None:
    """Stand for hooks of which nobody shall hear."""
