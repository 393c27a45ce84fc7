"""The environment stamp: all that decides whether the same cell gives the same bits elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.reproducibility import stamp_flags
from nbkeras.reproducibility.stamp_git import git_facts
from nbkeras.reproducibility.stamp_packages import installed, requirement_lines
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MISSING = "-"
_SLOW = ("git", "packages")


class Stamp(dict[str, Any]):
    """The facts of an environment by group: versions, machine, flags, seeds, git, packages; a run's results.

    Example:
        >>> import nbkeras
        >>> nbkeras.stamp()["versions"]["python"]  # doctest: +SKIP
        '3.12.3'
    """

    def rows(self, *, packages: bool = True) -> Iterator[tuple[str, str]]:
        """Give each fact as its name and its text, packages last."""
        yield from _flat("", {key: each for key, each in self.items() if key != "packages"})
        if packages:
            yield from _flat("packages", self.get("packages", {}))

    def differences(self, other: Mapping[str, Any]) -> list[tuple[str, str, str]]:
        """Return the facts in which two stamps differ: name, this one's, the other's.

        Example:
            >>> Stamp(seeds={"tensorflow": 1}).differences({"seeds": {"tensorflow": 2}})
            [('seeds.tensorflow', '1', '2')]
        """
        mine, theirs = dict(self.rows()), dict(Stamp(other).rows())
        names = dict.fromkeys([*mine, *theirs])
        pairs = [(name, mine.get(name, MISSING), theirs.get(name, MISSING)) for name in names]
        return [pair for pair in pairs if pair[1] != pair[2]]

    def requirements(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the text of a requirements file that rebuilds this environment, and write it where asked.

        Each package stands with its version; one that came from version control with its commit. One that
        came from a local folder can't be fetched by anybody else: it is a comment.

        Args:
            path: a file, whose folder exists; what it held is replaced. Default None: nothing is written.

        Raises:
            Refusal: when there is no list of packages in the stamp, or the file cannot be written.
        """
        if not self.get("packages"):
            text = (
                "expected a stamp with its packages, received one without: type  %stamp --requirements FILE"
            )
            raise Refusal(text)
        versions, machine = self.get("versions", {}), self.get("machine", {})
        text = "\n".join(
            [
                f"# Python {versions.get('python', '?')} on {machine.get('platform', '?')}.",
                *requirement_lines(self["packages"]),
                "",
            ]
        )
        if path is not None:
            try:
                Path(path).write_text(text, encoding="utf-8")
            except OSError as error:
                what = (error.strerror or str(error)).lower()
                said = f"expected a file that can be written, received {os.fspath(path)!r} ({what})"
                raise Refusal(f"requirements: {said}: give another") from None
        return text

    def __repr__(self) -> str:
        rows = list(self.rows(packages=False))
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{name.ljust(width)}  {value}" for name, value in rows]
        count = len(self.get("packages", {}))
        return "\n".join([*lines, *([f"{'packages'.ljust(width)}  {count} installed"] if count else [])])


def stamp() -> Stamp:
    """Return what of this process and machine decides whether a training gives the same bits again.

    Versions, devices, flags, seeds, the git commit of the current directory and all installed packages.
    TensorFlow is asked where it is loaded and not loaded for it. Each run in the run log has the stamp of its
    beginning: ``%stamp RUN`` shows it.

    Example:
        >>> import nbkeras
        >>> sorted(nbkeras.stamp())  # doctest: +SKIP
        ['flags', 'git', 'machine', 'packages', 'seeds', 'versions']

    Returns:
        A dict that prints as a table, and has ``differences(other)`` and ``requirements(path)``.
    """
    return Stamp({**quick_facts(), **slow_facts()})


def quick_facts() -> dict[str, Any]:
    """Return the part of the stamp that takes less than some milliseconds."""
    return {
        "versions": stamp_flags.versions(),
        "machine": stamp_flags.machine(),
        "flags": stamp_flags.flags(),
        "seeds": stamp_flags.seeds(),
    }


def slow_facts() -> dict[str, Any]:
    """Return the part that reads many files or asks another program: a second where the disk is slow."""
    return dict(zip(_SLOW, (git_facts(), installed()), strict=True))


def of_record(environment: Mapping[str, Any]) -> Stamp:
    """Return the stamp in a run's record, with the run's fingerprints.

    Raises:
        Refusal: when the run has none, because an older nbkeras recorded it.
    """
    held = environment.get("stamp")
    if not held:
        raise Refusal("expected a run with a stamp, received one that an older nbkeras recorded: train again")
    results = environment.get("fingerprint")
    return Stamp({**({"fingerprint": results} if results else {}), **held})


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), inner)
    else:
        yield name, str(value)
