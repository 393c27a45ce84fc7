"""What a worker tells the notebook beside its outputs: texts in a display of a MIME type of our own."""

from __future__ import annotations

import json
from typing import Any

MIME = "application/vnd.nbkeras.worker+json"

# That of the kernel itself, in a worker.
_publishers: list[Any] = []


def tell(**what: Any) -> None:
    """Tell the notebook something, from any thread of a worker."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        publisher = _publishers[-1] if _publishers else shell.display_pub
        # As a text: a metric may be NaN, which Jupyter's own JSON does not have.
        publisher.publish({MIME: json.dumps(what)})


def tell_past_captures() -> None:
    """Tell the notebook also what is told while a cell captures its own outputs, from now on.

    ``%%capture`` and ``capture_output`` put a publisher of theirs into the place of the kernel's.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        _publishers[:] = [shell.display_pub]


def told(message_type: str, content: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a worker has told with a message of its kernel, None for an output."""
    if message_type != "display_data" or MIME not in content.get("data", {}):
        return None
    found: dict[str, Any] = json.loads(content["data"][MIME])
    return found
