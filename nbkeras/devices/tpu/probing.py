"""Cheap looks at a place before TensorFlow is asked, whose own connecting waits for ever."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Value = TypeVar("Value")

SECONDS = 1.0
"""How long one look may take."""

# HTTP/2's first words (RFC 9113, 3.4) with empty settings; a server's first frame is its settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HEADER, _KIND, _SETTINGS = 9, 3, 4


def why_silent(host: str, port: int, seconds: float = SECONDS) -> str:
    """Return why no server of TensorFlow can be at an address, empty where one may be.

    A server of TensorFlow speaks gRPC, and so HTTP/2. One that takes the connection and never answers is as
    dead as one that is not there, and TensorFlow would wait for it for ever.

    Args:
        host: a name or an IP address.
        port: its port.
        seconds: how long each of the three steps may take: name, connection, answer.
    """
    found = within(seconds, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    if isinstance(found, Exception):
        return f"no machine has the name {host}"
    if found is None:
        return f"the name {host} was not found within {seconds:g} s"
    place = f"{_in_brackets(host)}:{port}"
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.settimeout(seconds)
            connection.sendall(_PREFACE)
            answer = connection.recv(_HEADER)
    except TimeoutError:
        return f"{place} does not answer within {seconds:g} s"
    except OSError as error:
        what = (error.strerror or str(error)).lower()
        return f"nothing answers at {place} ({what})"
    if len(answer) < _HEADER or answer[_KIND] != _SETTINGS:
        return f"what answers at {place} is no server of TensorFlow: it does not speak gRPC"
    return ""


def _in_brackets(host: str) -> str:
    """Return a host as it stands before a port: addresses of IPv6 have colons of their own."""
    return f"[{host}]" if ":" in host else host


def why_not_looked_up(zone: str | None, project: str | None, environment: Mapping[str, str]) -> str:
    """Return why a TPU's name cannot be looked up from this machine, empty where it may be.

    Args:
        zone: the TPU's zone, where given.
        project: its project, where given.
        environment: the variables, in which Google's metadata server may be named.
    """
    if not (zone and project):
        server = environment.get("GCE_METADATA_HOST") or environment.get("GCE_METADATA_IP")
        host, _, port = (server or "metadata.google.internal").partition(":")
        reached = within(SECONDS, lambda: socket.create_connection((host, int(port or 80)), timeout=SECONDS))
        if not isinstance(reached, socket.socket):
            return (
                "a name is looked up in Google Cloud, and this machine is not there "
                f"({host} does not answer): give --zone and --project, or an address grpc://host:port"
            )
        reached.close()
    if not all(importlib.util.find_spec(name) for name in ("googleapiclient", "oauth2client")):
        return "TensorFlow looks a name up by Google's API client: type  %pip install cloud-tpu-client"
    return ""


def runtime_version(host: str, port: int = 8475, seconds: float = SECONDS) -> str:
    """Return the version of TensorFlow that a TPU in the network runs, empty where it does not say.

    TPUs answer that at a port of their own (``Client.runtime_version`` of TensorFlow 2.21 asks there).
    """

    def ask() -> str:
        with urllib.request.urlopen(
            f"http://{_in_brackets(host)}:{port}/requestversion", timeout=seconds
        ) as answer:
            return str(json.loads(answer.read(10_000)).get("currentVersion") or "")

    version = within(seconds, ask)
    return version if isinstance(version, str) else ""


def holders(files: Iterable[str], proc: Path = Path("/proc")) -> tuple[str, ...]:
    """Name the other processes that have one of these files open: one process alone can use a TPU.

    Processes of other users are not seen.
    """
    wanted = {os.path.realpath(each) for each in files}
    found = []
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        if int(process.name) == os.getpid():
            continue
        try:
            is_holder = any(os.path.realpath(link) in wanted for link in (process / "fd").iterdir())
            name = (process / "comm").read_text(encoding="utf-8").strip() if is_holder else ""
        except OSError:
            continue
        if is_holder:
            found.append(f"{name} (process {process.name})")
    return tuple(found)


def within(seconds: float, work: Callable[[], Value]) -> Value | Exception | None:
    """Return what some work gives or raises, None where it takes longer: then it goes on, unheard.

    Args:
        seconds: how long to wait.
        work: what to do, in another thread.
    """
    done: list[Any] = []

    def run() -> None:
        try:
            done.append(work())
        except Exception as error:  # noqa: BLE001 - it is the answer
            done.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    return done[0] if done else None
