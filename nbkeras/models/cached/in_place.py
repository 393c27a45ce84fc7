"""Lets a model's own ``fit`` and ``evaluate`` train its head on kept outputs of its base.

The model itself is fitted, so callbacks, metrics, the log and backups have the whole of it, as ever. What
comes from the data are numbers of rows: they are shuffled, split and counted as the samples themselves would
be. Keras's own step does the rest, with a model that looks the rows up and calls the head alone.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbkeras.models.stored_rows import StoredRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nbkeras.models.cached.splitting import Split

_STEPS = ("train_step", "test_step")
# The last one is tf_keras's alone.
_FUNCTIONS = ("train_function", "test_function", "train_tf_function")


@contextmanager
def on_rows(parts: Split, kept: Mapping[str, Any]) -> Iterator[None]:
    """Let numbers of rows stand for the inputs of a model in a block.

    An input ``{name: numbers}`` means these rows of ``kept[name]``; any other one goes through the whole
    model. Afterwards the model has Keras's own steps, and traces them anew.

    Args:
        parts: the model in two parts.
        kept: outputs of its base by name: arrays or rows in a file. None stands for some of the right shape,
            where nothing depends on their values.
    """
    model = parts.model
    readers = {name: _reader(parts, each) for name, each in kept.items()}
    held, stands = vars(model), _OnRows(parts, readers)
    compiled = held["_jit_compile"]
    for name in _STEPS:
        # Not as Keras sets an attribute, which would track it.
        held[name] = functools.partial(getattr(type(model), name), stands)
    if any(isinstance(each, StoredRows) for each in kept.values()):
        # XLA cannot read a file.
        held["_jit_compile"] = False
    _forget(model)
    try:
        yield
    finally:
        for name in _STEPS:
            held.pop(name, None)
        held["_jit_compile"] = compiled
        _forget(model)


class _OnRows:
    """A model to Keras's own step, but that it looks rows up when it is called on their numbers."""

    def __init__(self, parts: Split, readers: Mapping[str, Callable[[Any], Any]]) -> None:
        self._parts, self._readers = parts, readers

    def __call__(self, x: Any, **how: Any) -> Any:
        name = next(iter(x)) if isinstance(x, dict) and len(x) == 1 else None
        read = self._readers.get(name) if isinstance(name, str) else None
        if read is None:
            return self._parts.model(x, **how)
        return self._parts.head(read(x[name]), **how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parts.model, name)


def _reader(parts: Split, kept: Any) -> Callable[[Any], Any]:
    import tensorflow as tf

    if kept is None:
        (cut,) = parts.head.inputs
        shape = [1 if size is None else int(size) for size in cut.shape[1:]]
        return lambda numbers: tf.zeros([tf.size(numbers), *shape], cut.dtype)
    if not isinstance(kept, StoredRows):
        held = tf.convert_to_tensor(kept)
        return lambda numbers: tf.gather(held, tf.reshape(numbers, [-1]))

    def read(numbers: Any) -> Any:
        found = tf.numpy_function(kept.__getitem__, [tf.reshape(numbers, [-1])], kept.dtype)
        found.set_shape((None, *kept.shape[1:]))
        return found

    return read


def _forget(model: Any) -> None:
    for name in _FUNCTIONS:
        if hasattr(model, name):
            setattr(model, name, None)
