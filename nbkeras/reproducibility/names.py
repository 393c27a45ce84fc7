"""The counters behind the names that Keras gives: ``dense``, ``dense_1``.

A cell that is run again gets ``dense_1`` where it had ``dense``, and a metric ``auc_1`` where it had ``auc``:
another key in the history, and no early stopping by ``val_auc``. ``clear_session`` would begin all names
anew, and a new layer beside one of an earlier cell could then have its name, which a model refuses.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.keras_lines import LINES

if TYPE_CHECKING:
    from nbkeras.runtime.keras_lines import Line

Counters = dict["Line", dict[Any, int]]


def name_counters() -> Counters:
    """Return how many names of each kind each loaded Keras line has given."""
    return {line: dict(_counters(line) or {}) for line in LINES if line in sys.modules}


def put_back(counters: Counters) -> None:
    """Let the names begin where they did when the counters were read."""
    for line in LINES:
        live = _counters(line)
        if live is not None:
            live.clear()
            live.update(counters.get(line, {}))


def go_past(counters: Counters) -> None:
    """Let no name be given again that was given when the counters were read."""
    for line, given in counters.items():
        live = _counters(line)
        if live is not None:
            live.update({name: max(count, live.get(name, 0)) for name, count in given.items()})


def _counters(line: Line) -> Any:
    """Return the live counters of a line, None where there are none (yet), or not where they were (2026)."""
    if line == "keras":
        state = sys.modules.get("keras.src.backend.common.global_state")
        read = getattr(state, "get_global_attribute", None)
        return None if read is None else read("object_name_uids")
    backend = sys.modules.get("tf_keras.src.backend")
    read = getattr(backend, "get_default_graph_uid_map", None)
    return None if read is None else read()
