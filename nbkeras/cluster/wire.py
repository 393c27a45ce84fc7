"""What a worker tells the notebook beside its outputs: texts in a display of a MIME type of our own."""

from __future__ import annotations

import json
from typing import Any

MIME = "application/vnd.nbkeras.worker+json"


def tell(**what: Any) -> None:
    """Tell the notebook something, from any thread of a worker."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None:
        # As a text: a metric may be NaN, which Jupyter's own JSON does not have.
        shell.display_pub.publish({MIME: json.dumps(what)})


def told(message_type: str, content: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a worker has told with a message of its kernel, None for an output."""
    if message_type != "display_data" or MIME not in content.get("data", {}):
        return None
    found: dict[str, Any] = json.loads(content["data"][MIME])
    return found
