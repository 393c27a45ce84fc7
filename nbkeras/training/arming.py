"""Makes ``fit``, ``evaluate`` and ``predict`` of every Keras model go through a session while one is armed.

The methods of the class ``Model`` are wrapped, so that subclasses, a ``fit`` of one's own that calls
``super().fit``, and models made before or after arming are all reached. The wrapper is taken off with the
last session. A Keras line that is imported later, in the armed cell itself, is wrapped as it arrives.
"""

from __future__ import annotations

import functools
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from wrapt import register_post_import_hook

from nbkeras.runtime.keras_lines import LINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nbkeras.training.calls import CallKind

METHODS: tuple[CallKind, ...] = ("fit", "evaluate", "predict")


class Interceptor(Protocol):
    """Whoever takes over the calls while it is armed."""

    def call(self, kind: CallKind, method: Callable[..., Any], model: Any, args: Any, kwargs: Any) -> Any:
        """Make one call in its own way."""


_armed: list[Interceptor] = []
_wrapped: dict[tuple[type, str], tuple[Any, Any]] = {}
_hooked: set[str] = set()
_inside = threading.local()


def arm(interceptor: Interceptor) -> None:
    """Send the calls of every model through ``interceptor``; the one armed last has them."""
    _armed.append(interceptor)
    for line in LINES:
        model_class = getattr(sys.modules.get(line), "Model", None)
        if model_class is not None:
            _wrap_class(model_class)
        elif line not in _hooked:
            _hooked.add(line)
            register_post_import_hook(_on_import, line)


def disarm(interceptor: Interceptor) -> None:
    """Take an interceptor off, and the wrappers with the last one."""
    if interceptor in _armed:
        _armed.remove(interceptor)
    if not _armed:
        _unwrap_all()


def armed_last() -> Interceptor | None:
    """Return who takes over the calls at the moment, None where nobody does."""
    return _armed[-1] if _armed else None


@contextmanager
def not_armed(model: Any) -> Iterator[None]:
    """Let the calls of a model go to Keras itself in a block, as if they were inside of another one."""
    outer = getattr(_inside, "models", ())
    _inside.models = (*outer, model)
    try:
        yield
    finally:
        _inside.models = outer


def _on_import(module: Any) -> None:
    # The hook cannot be taken back, so it asks whether anybody is armed when its module arrives.
    _hooked.discard(module.__name__)
    if _armed:
        _wrap_class(module.Model)


def _wrap_class(model_class: type) -> None:
    for name in METHODS:
        if (model_class, name) not in _wrapped:
            _wrap(model_class, name)


def _wrap(model_class: type, name: CallKind) -> None:
    # Keras 3 inherits the methods from its backend's trainer, tf_keras defines them in Model itself.
    own = vars(model_class).get(name)
    original = getattr(model_class, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        outer = getattr(_inside, "models", ())
        # Validation inside fit, or an evaluate in a callback, is part of the call that is monitored; the
        # training of another model in a callback is one of its own.
        if not _armed or (outer and (name != "fit" or any(self is model for model in outer))):
            return original(self, *args, **kwargs)
        _inside.models = (*outer, self)
        try:
            return _armed[-1].call(name, original, self, args, kwargs)
        finally:
            _inside.models = outer

    setattr(model_class, name, method)
    _wrapped[model_class, name] = (own, method)


def _unwrap_all() -> None:
    for (model_class, name), (own, method) in _wrapped.items():
        if vars(model_class).get(name) is not method:
            # Somebody wrapped it once more; ours stays below theirs and lets everything through.
            continue
        if own is None:
            delattr(model_class, name)
        else:
            setattr(model_class, name, own)
    _wrapped.clear()
