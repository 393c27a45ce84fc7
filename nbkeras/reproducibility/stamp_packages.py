"""The packages of the stamp: what is installed, as lines that pip can install again."""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LOCAL = "from a local folder"

_known: dict[tuple[tuple[str, float], ...], dict[str, str]] = {}


def installed() -> dict[str, str]:
    """Return the installed packages: name to version, or to ``@ address`` where it came from one.

    Names are as PyPI writes them, in order; of a package that lies in several places, the one that Python
    imports counts. Read again only after a folder of packages has changed.
    """
    places = tuple(_changed(sys.path))
    if places not in _known:
        _known.clear()
        _known[places] = _read()
    return dict(_known[places])


def requirement_lines(packages: Mapping[str, str]) -> Iterator[str]:
    """Give each package as a line of a requirements file.

    Example:
        >>> list(requirement_lines({"numpy": "2.4.6", "own": "0.1 from a local folder"}))
        ['numpy==2.4.6', '# own 0.1 from a local folder']
    """
    for name, version in packages.items():
        if version.endswith(LOCAL):
            yield f"# {name} {version}"
        else:
            yield f"{name} {version}" if version.startswith("@") else f"{name}=={version}"


def _changed(path: list[str]) -> Iterator[tuple[str, float]]:
    for place in path:
        folder = Path(place or ".")
        if folder.exists():
            yield place, folder.stat().st_mtime


def _read() -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        # A folder that an interrupted removal has left behind has no name.
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), _source(distribution))
    return dict(sorted(found.items()))


def _source(distribution: metadata.Distribution) -> str:
    """Return a version, or the address of what was not installed by its version (PEP 610)."""
    text = distribution.read_text("direct_url.json")
    try:
        origin = json.loads(text) if text else {}
    except ValueError:
        origin = {}
    url, control = origin.get("url", ""), origin.get("vcs_info")
    if not url:
        return distribution.version
    if url.startswith("file:"):
        return f"{distribution.version} {LOCAL}"
    return f"@ {control['vcs']}+{_public(url)}@{control['commit_id']}" if control else f"@ {_public(url)}"


def _public(url: str) -> str:
    """Return an address without the name and password that may stand in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
