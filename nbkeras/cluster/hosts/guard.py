"""A process of its own that lets workers on other hosts live as long as the notebook's kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.hosts import guarding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Guard:
    """The notebook's hold on that process.

    The kernel itself may be busy for minutes, and cannot say that it was killed.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        owner: str,
        numbers: Sequence[int],
        *,
        ends_all: bool,
        folder: str | None,
    ) -> None:
        """Start it.

        Args:
            connection: how a client of ipyparallel connects.
            owner: the cluster.
            numbers: of its engines.
            ends_all: whether engines and controller end with the notebook, too.
            folder: their profile on this machine, where it is theirs alone.
        """
        self._process = subprocess.Popen(  # noqa: S603 - this Python, a module of this package
            [sys.executable, "-m", guarding.__name__],
            # It imports what the notebook imports, from where it does.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        told = {
            "connection": dict(connection),
            "owner": owner,
            "numbers": list(numbers),
            "ends_all": ends_all,
            "folder": folder,
        }
        if self._process.stdin is not None:
            self._process.stdin.write(f"{json.dumps(told)}\n")
            self._process.stdin.flush()

    def release(self) -> None:
        """End it: the workers have ended."""
        self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
