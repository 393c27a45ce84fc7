"""The callbacks of a call: a `CallbackList` is used by Keras as it is, so ours join it for one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# tf_keras decides when a list is made whether its batch hooks are called at all.
_FLAGS = (
    "_should_call_train_batch_hooks",
    "_should_call_test_batch_hooks",
    "_should_call_predict_batch_hooks",
)


def members_of(callbacks: Any) -> list[Any]:
    """Return the single callbacks of what a call gives: lists in lists are flattened, as Keras does."""
    return list(_leaves(getattr(callbacks, "callbacks", callbacks)))


def _leaves(callbacks: Any) -> Iterator[Any]:
    if isinstance(callbacks, dict):
        callbacks = list(callbacks.values())
    if isinstance(callbacks, (list, tuple)):
        for each in callbacks:
            yield from _leaves(each)
    elif callbacks is not None:
        yield callbacks


class JoinedList:
    """Callbacks that have joined a list, and can leave it again."""

    def __init__(self, callbacks: Any, model: Any, more: list[Any]) -> None:
        """Join callbacks to a list."""
        self._list = callbacks
        self._before = callbacks.callbacks
        self._flags = {name: getattr(callbacks, name) for name in _FLAGS if hasattr(callbacks, name)}
        for callback in more:
            callback.set_model(model)
            callback.set_params(getattr(callbacks, "params", None))
        callbacks.callbacks = [*self._before, *more]
        for name in self._flags:
            setattr(callbacks, name, True)

    def leave(self) -> None:
        """Give the list back as it was."""
        self._list.callbacks = self._before
        for name, value in self._flags.items():
            setattr(self._list, name, value)
