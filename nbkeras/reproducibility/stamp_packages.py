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
        elif "+" in version and not version.startswith("@"):
            # A local version (PEP 440) is on no public index, and nothing tells which one it came from.
            yield f"{name}=={version}  # not on PyPI: name its index with --extra-index-url"
        else:
            yield f"{name} {version}" if version.startswith("@") else f"{name}=={version}"


def only_here(packages: Mapping[str, str]) -> list[str]:
    """Return the packages that nobody else can fetch, which a requirements file leaves out.

    Example:
        >>> only_here({"numpy": "2.4.6", "own": "0.1 from a local folder"})
        ['own 0.1 from a local folder']
    """
    return [f"{name} {version}" for name, version in packages.items() if version.endswith(LOCAL)]


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
    by_conda = (distribution.read_text("INSTALLER") or "").strip() == "conda"
    if not url or (by_conda and url.startswith("file:")):
        # Conda writes down the folder in which it was built, on no machine of the user's.
        return distribution.version
    if url.startswith("file:"):
        editable = "editable " * bool(origin.get("dir_info", {}).get("editable"))
        commit = f"at commit {control['commit_id']} " if control else ""
        return f"{distribution.version} {editable}{commit}{LOCAL}"
    return f"@ {control['vcs']}+{_public(url)}@{control['commit_id']}" if control else f"@ {_public(url)}"


def _public(url: str) -> str:
    """Return an address without the name and password that may stand in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
