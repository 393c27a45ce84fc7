"""The file of ``%cluster start --hosts FILE``: one host a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    import os

_FORM = "host [slots=N] [python=…] [address=…]"
_HOST = re.compile(r"(?:[\w.-]+@)?[\w.-]+(?::\d+)?", re.ASCII)
_ADDRESS = re.compile(r"[\w.:-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Host:
    """A host that takes workers.

    Attributes:
        name: as ssh knows it, with a user and a port where they are needed: ``me@a:2222``.
        slots: how many workers it takes.
        python: the Python there.
        address: at which the other hosts reach it; "" for the one that ssh has used.
    """

    name: str
    slots: int = 1
    python: str = "python3"
    address: str = ""


def read_hosts(path: str | os.PathLike[str]) -> list[Host]:
    """Return the hosts of a file: one a line, ``#`` begins a comment.

    Raises:
        Refusal: for a file that cannot be read, and for the first line that cannot be meant.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no text"
        text = f"--hosts: expected a file with lines such as  {_FORM}, received {str(path)!r} ({reason})"
        raise Refusal(f"{text}: write one") from None
    hosts: dict[str, Host] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        host = _host(words, f"--hosts: {path}, line {number}")
        if host.name in hosts:
            text = f"--hosts: {path}, line {number}: expected each host once, received {host.name!r} again"
            raise Refusal(f"{text}: give  {host.name} slots=2")
        hosts[host.name] = host
    if not hosts:
        raise Refusal(f"--hosts: expected a host in {path}, received none: write a line such as  {_FORM}")
    return list(hosts.values())


def _host(words: list[str], where: str) -> Host:
    name, *settings = words
    if not _HOST.fullmatch(name):
        raise Refusal(f"{where}: expected {_FORM}, received {name!r}: give a host as ssh takes it")
    given: dict[str, str] = {}
    for each in settings:
        key, equals, value = each.partition("=")
        if not equals or not value or key in given or key not in {"slots", "python", "address"}:
            raise Refusal(f"{where}: expected {_FORM}, received {each!r}: give  slots=2  or leave it out")
        given[key] = value
    slots = given.get("slots", "1")
    if not slots.isdecimal() or not int(slots):
        raise Refusal(f"{where}: expected a whole number of 1 or more, received {slots!r}: give  slots=1")
    address = given.get("address", "")
    if address and not _ADDRESS.fullmatch(address):
        raise Refusal(f"{where}: expected an address such as 10.0.0.1, received {address!r}")
    return Host(name, int(slots), given.get("python", "python3"), address)
