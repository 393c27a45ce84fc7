"""Environment stamps as tables: one of them, or in what two differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbkeras.reproducibility.fingerprint import has_values
from nbkeras.widgets.picture import wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.reproducibility.stamp import Stamp
    from nbkeras.widgets.picture.page import Bundle

_LENGTH = 100
# A comparison after a change of the whole environment has a row for each package.
_ROWS = 60
_RESULT = "fingerprint."
_DIFFER = {"data": "differ", "weights": "differ"}


def stamp_bundle(stamp: Stamp, name: str) -> Bundle:
    """Return a stamp as HTML and as text.

    Example:
        >>> from nbkeras.reproducibility.stamp import Stamp
        >>> print(stamp_bundle(Stamp(seeds={"tensorflow": "1"}), "small")["text/plain"])
        Stamp of small
        fact              value
        seeds.tensorflow  1
    """
    rows = tuple((fact, wording.line(value, _LENGTH)) for fact, value in stamp.rows(packages=False))
    count = len(stamp.get("packages", {}))
    after = f"{count} packages: %stamp --requirements FILE  writes them" if count else ""
    return _bundle(f"Stamp of {wording.line(name, 40)}", Table(("fact", "value"), rows, words=2), after)


def differences_bundle(one: Stamp, other: Stamp, names: Sequence[str]) -> Bundle:
    """Return in what two stamps differ as HTML and as text, the verdict on the results first."""
    pairs = one.differences(other)
    found = {name for name, _, _ in pairs}
    kinds = ("data", "weights", "optimizer", "history")
    results = [
        kind for kind in kinds if kind in {**one.get("fingerprint", {}), **other.get("fingerprint", {})}
    ]
    verdicts = [f"{kind} {_verdict(kind, found, one)}" for kind in results]
    rows = tuple((name, *(wording.line(each, _LENGTH) for each in both)) for name, *both in pairs[:_ROWS])
    labels = [f"{letter} {wording.line(name, 24)}" for letter, name in zip("AB", names, strict=True)]
    after = f"and {len(pairs) - _ROWS} more differences" if len(pairs) > _ROWS else ""
    title = " · ".join(verdicts) if verdicts else "no fingerprints: these runs did not come to their end"
    table = Table(("difference", *labels), rows, words=3)
    return _bundle(title, table, after if pairs else "no difference")


def _verdict(kind: str, found: set[str], one: Stamp) -> str:
    if any(name.startswith(_RESULT + kind) for name in found):
        return _DIFFER.get(kind, "differs")
    if kind == "data" and not all(map(has_values, one["fingerprint"]["data"].values())):
        return "alike, their values not read"
    return "the same"


def _bundle(title: str, table: Table, after: str) -> Bundle:
    lines = [title, *(table.plain() if table.rows else []), *([after] if after else [])]
    return {
        "text/html": render("stamp.html", title=title, table_of=table, after=after),
        "text/plain": "\n".join(lines),
    }
