"""The program behind `Guard`: it renews the workers' lease, and ends them when its parent is gone."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from nbkeras.cluster.hosts.engine import Engine

# Seconds between two looks for the parent, and between two words to the workers.
_LOOK, _RENEW = 0.5, 5.0
# Seconds that a worker has to end, and all of this.
_END, _LAST = 10.0, 30.0


def guard(told: dict[str, Any], parent: int) -> None:
    """Guard until the parent process is gone."""
    from ipyparallel import Client

    client = Client(told["connection"], timeout=30)
    engines = [Engine(client, number, told["owner"]) for number in told["numbers"]]
    asked: dict[int, Any] = {}
    due = 0.0
    while os.getppid() == parent:
        if time.monotonic() > due:
            due = time.monotonic() + _RENEW
            for engine in engines:
                # One that is busy with other things is not asked again before it has answered.
                if engine.number not in asked or asked[engine.number].done():
                    with suppress(Exception):
                        asked[engine.number] = engine.ask("renew")
        time.sleep(_LOOK)
    # A controller that is gone, too, answers nothing.
    last = threading.Timer(_LAST, os._exit, (1,))
    last.daemon = True
    last.start()
    ended = []
    for engine in engines:
        with suppress(Exception):
            profile = told["folder"] and Path(told["folder"]).name
            ended.append(engine.ask("forget", profile) if profile else engine.ask("kill"))
    for each in ended:
        with suppress(Exception):
            each.result(_END)
    if told["folder"]:
        shutil.rmtree(told["folder"], ignore_errors=True)
    if told["ends_all"]:
        with suppress(Exception):
            client.shutdown(hub=True, block=True)


if __name__ == "__main__":
    # Which process is the parent is known before it can have gone: it still has to write the line.
    mother = os.getppid()
    guard(json.loads(sys.stdin.readline()), mother)
