"""Where the workers of a cluster listen, in TensorFlow's own words: ``TF_CONFIG``."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack


def free_addresses(count: int) -> list[str]:
    """Return addresses of this machine on which nobody listens now, each another one.

    TensorFlow opens its ports by itself and takes numbers only, so that somebody else may be quicker; a
    worker then ends with an error that says so.
    """
    with ExitStack() as stack:
        # All are held until the last is found: a port that was given back may be found again.
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in held]


def tf_config(addresses: list[str], rank: int) -> str:
    """Return the ``TF_CONFIG`` of one worker.

    Example:
        >>> tf_config(["a:1", "b:1"], 1)
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}'
    """
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}})
