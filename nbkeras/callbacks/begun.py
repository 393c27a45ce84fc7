"""Tells those who wait that a training, an evaluation or a validation has begun."""

from __future__ import annotations

import functools
import threading
from typing import Any

from nbkeras.runtime.keras_lines import Line, active_line, keras_module


class BegunHooks:
    """A callback that sets events when Keras has made all ready, and reads no data any more to do so.

    Attributes:
        event: set once the call has begun.
        validates: set while an evaluation or a validation goes on: Keras makes each of them ready anew.
    """

    def __init__(self) -> None:
        """Begin with events that are not set."""
        super().__init__()
        self.event = threading.Event()
        self.validates = threading.Event()

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Set the event."""
        self.event.set()

    def on_test_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Set both."""
        self.event.set()
        self.validates.set()

    def on_test_end(self, logs: Any = None) -> None:  # noqa: ARG002 - Keras passes them
        """Wait for the next."""
        self.validates.clear()


@functools.lru_cache(maxsize=2)
def begun_class(line: Line | None = None) -> type[Any]:
    """Return the callback of one Keras line, the active one by default."""
    base = keras_module(line or active_line()).callbacks.Callback
    return type("Begun", (BegunHooks, base), {"__module__": "nbkeras"})
