"""The workers of a cluster as a table that grows with what happens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from nbkeras.widgets.picture import numerals, wording
from nbkeras.widgets.picture.page import render
from nbkeras.widgets.picture.tables import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbkeras.cluster.cluster import Cluster
    from nbkeras.cluster.health import Health
    from nbkeras.widgets.picture.page import Bundle

_HEADER: tuple[str, ...] = ("rank", "state", "step", "steps/s", "memory", "process")
# Seconds after which it is said how old a sign of life is.
_OLD = 3.0
_LENGTH = 100


def workers_bundle(
    title: str,
    healths: Sequence[Health],
    pids: Sequence[int | None],
    after: str = "",
    *,
    roles: Sequence[str] = (),
    hosts: Sequence[str] = (),
) -> Bundle:
    """Return the workers as HTML and as text.

    Example:
        >>> from nbkeras.cluster.health import Health
        >>> ready = Health(0, "ready", signs={"done": 7, "rate": 3.5, "memory": 6e8})
        >>> print(workers_bundle("A cluster", [ready], [11])["text/plain"])
        A cluster
        rank  state  step  steps/s  memory  process
        0     ready     7      3.5  600 MB       11

    Args:
        title: the line above.
        healths: what is known of each worker.
        pids: the process of each.
        after: the line below. Default "".
        roles: what each of them is. Default (): all the same.
        hosts: the host of each, where that is not this one. Default ().
    """
    places = [f" on {host}" for host in hosts] or [""] * len(pids)
    rows = [_row(*each) for each in zip(healths, pids, places, strict=True)]
    header = _HEADER
    if roles:
        header = (*_HEADER[:1], "role", *_HEADER[1:])
        rows = [(*row[:1], role, *row[1:]) for row, role in zip(rows, roles, strict=True)]
    table = Table(header, tuple(rows), words=3 if roles else 2)
    lines = [title, *table.plain(), *([after] if after else [])]
    return {
        "text/html": render("stamp.html", title=title, table_of=table, after=after),
        "text/plain": "\n".join(lines),
    }


def _row(health: Health, pid: int | None, place: str) -> tuple[str, ...]:
    signs = health.signs
    done, rate, memory = signs.get("done"), signs.get("rate"), signs.get("memory")
    state = health.state
    silent = time.monotonic() - health.heard
    if state == "runs" and silent > _OLD:
        state = f"not heard of for {silent:.0f} s"
    elif state == "runs" and signs.get("place") and not done:
        state = f"runs line {signs['place']}"
    return (
        str(health.rank),
        wording.line(state, _LENGTH),
        numerals.MISSING if done is None else numerals.count(done),
        numerals.MISSING if rate is None else f"{rate:.3g}",
        numerals.MISSING if memory is None else f"{memory / 1e6:.0f} MB",
        numerals.MISSING if pid is None else f"{pid}{place}",
    )


class WorkersTable:
    """The table of a cluster's workers, in one place of the notebook."""

    def __init__(self, cluster: Cluster, title: str = "") -> None:
        """Show nothing yet.

        Args:
            cluster: whose workers.
            title: the line above. Default "": how many there are.
        """
        self._cluster = cluster
        self._title = title or f"{cluster.described} {cluster.where}"
        self._handle: Any = None
        self._shown: dict[str, str] = {}
        self._due = 0.0

    def show(self) -> None:
        """Show how the workers are, in the place of what was shown before."""
        from IPython.display import display

        cluster = self._cluster
        after = "" if cluster.broken is None else f"ended: {cluster.broken}"
        bundle = workers_bundle(
            self._title, cluster.healths, cluster.pids, after, roles=cluster.roles, hosts=cluster.hosts
        )
        if bundle == self._shown:
            return
        self._shown = bundle
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def look(self) -> None:
        """Show it again, once a second."""
        if time.monotonic() > self._due:
            self._due = time.monotonic() + 1
            self.show()
