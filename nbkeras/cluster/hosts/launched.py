"""Engines that are started for one cluster, and end with it."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.hosts.engines import Engines
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that engines have to come, and to go.
_COME, _GO = 60, 15.0


def launched(made: Any, count: int, option: str, files: Path | None = None) -> Engines:
    """Start a cluster of ipyparallel, and return its engines, which end with them.

    Args:
        made: the cluster, an ``ipyparallel.Cluster``.
        count: how many engines.
        option: the option that has asked for it, for refusals.
        files: the cluster's own profile, which goes with it, here and on its hosts. Default None: the user's.

    Raises:
        Refusal: when they do not come.
    """
    # Each of its steps would be a line in the notebook.
    made.log = logging.getLogger("nbkeras.ipyparallel")
    made.log.setLevel(logging.CRITICAL)
    # Its own way out asks ssh for each engine.
    made.shutdown_atexit = False
    client: Any = None

    def end() -> None:
        if client is not None:
            # Engines that are asked end by themselves, wherever they are, and the controller with them.
            _within(_GO, lambda: client.shutdown(hub=True))
            made.engines.clear()
        _within(_GO, made.stop_cluster_sync)
        if files is not None:
            shutil.rmtree(files, ignore_errors=True)

    try:
        made.start_cluster_sync(n=count)
        client = made.connect_client_sync()
        client.wait_for_engines(count, timeout=_COME, interactive=False)
        path = Path(made.profile_dir) / "security" / f"ipcontroller-{made.cluster_id}-client.json"
        connection = json.loads(path.read_text())
        return Engines(client, sorted(client.ids), option, connection=connection, end=end, files=files)
    except Exception as error:
        end()
        if isinstance(error, Refusal):
            raise
        text = f"{option}: expected {count} engines to start within {_COME} s, received {_words(error)}"
        raise Refusal(f"{text}: try  ipcluster start  in a terminal") from None
    except BaseException:
        end()
        raise


def _words(error: Exception) -> str:
    if isinstance(error, CalledProcessError):
        command = error.cmd if isinstance(error.cmd, str) else error.cmd[0]
        return f"exit code {error.returncode} of {command}"
    reason = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__} {reason[:200]}".strip()


def _within(seconds: float, do: Callable[[], object]) -> None:
    """Do something, and wait for it only so long: ipyparallel waits for answers without an end."""

    def quietly() -> None:
        with suppress(Exception):
            do()

    thread = threading.Thread(target=quietly, name="nbkeras-engines-end", daemon=True)
    thread.start()
    thread.join(seconds)
