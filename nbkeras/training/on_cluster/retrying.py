"""Runs a cell on workers, and again on new ones when one has failed and there are backups to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.prepared import Given
from nbkeras.cluster.served import ServedCluster
from nbkeras.runtime.refusal import Refusal
from nbkeras.training.on_cluster.exchanging import give
from nbkeras.training.on_cluster.options import refuse_on_servers
from nbkeras.training.on_cluster.reaching import look_at_folders
from nbkeras.training.on_cluster.running import run_on_cluster

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbkeras.cluster.cluster import Cluster
    from nbkeras.runs.run import Run
    from nbkeras.training.on_cluster.options import CellOptions

# Characters of a cell's first line that tell which it is.
_SHOWN = 60
# Reasons that are told: one line is read, a page is not.
_REASONS = 3


def run_with_retries(
    cluster: Cluster,
    cell: str,
    options: CellOptions,
    *,
    listen: Callable[[int, dict[str, Any]], None] = lambda _, __: None,
    look: Callable[[], None] = lambda: None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Run]:
    """Execute a cell on all workers; return rank 0's runs.

    Workers that have ended are started anew first, and given what those before had been given.

    Args:
        cluster: the workers.
        cell: the source.
        options: of the cell. Those with a backup run it again, on new workers, when one has failed.
        listen: called with the rank and each message of its kernel.
        look: called ten times a second.
        say: tells the user a line.

    Raises:
        WorkerFailure: when a worker fails and no retry is left, or the cell itself raises on all of them.
    """
    __tracebackhide__ = True
    if isinstance(cluster, ServedCluster):
        refuse_on_servers(options.fit)

    def look_and_tell() -> None:
        look()
        while cluster.news:
            say(f"nbkeras: {cluster.news.pop(0)}")

    cluster.look()
    if not cluster.runs:
        start_again(cluster, str(cluster.broken or "the workers had ended"), look, say)
    look_at_folders(cluster, options, say)
    given = options.given
    left = options.retries
    while True:
        try:
            runs = run_on_cluster(cluster, cell, listen=listen, look=look_and_tell, **given)
        except WorkerFailure as failure:
            # Where all have come back, the cell has an error that it would have again.
            if failure.all_are_back or not left:
                raise
            left -= 1
            given = options.again()
            start_again(cluster, f"{failure}; retry {options.retries - left} of {options.retries}", look, say)
            continue
        if not runs:
            cluster.prepared.append(Given(cell, options=options.again()))
        return runs


def start_again(cluster: Cluster, why: str, look: Callable[[], None], say: Callable[[str], None]) -> None:
    """Start workers in the place of those that have ended, and give them what those had been given.

    What they can't take is left out from then on, and one line says what: cells that look at what a training
    has made, and variables of a class that only such a cell defines.
    """
    cells = sum(bool(each.cell) for each in cluster.prepared)
    names = dict.fromkeys(name for each in cluster.prepared for name in each.variables)
    again = [*names, *([f"{cells} cell{'s' * (cells != 1)} that trained nothing"] if cells else [])]
    said = f", and are given again: {', '.join(again)}" if again else ""
    say(f"nbkeras: {why}: the workers start anew{said}")
    cluster.start(look)
    left_out: dict[str, str] = {}
    for each in list(cluster.prepared):
        if not each.cell:
            left_out |= _give_again(cluster, each.variables)
            continue
        try:
            run_on_cluster(cluster, each.cell, look=look, **{**each.options, "quiet": True})
        except (WorkerFailure, Refusal) as failure:
            what = f"the cell  {each.cell.strip().partition(chr(10))[0][:_SHOWN]}"
            cluster.prepared.remove(each)
            if isinstance(failure, WorkerFailure) and not failure.all_are_back:
                # Or no later start would come past it.
                how = str(failure).removeprefix(f"rank {failure.rank} ")
                text = f"{how}, as it was given again {what} : it is left out from now on"
                raise WorkerFailure(failure.rank, text, failure.traceback) from None
            left_out[what] = str(failure)
    cluster.prepared[:] = [each for each in cluster.prepared if each.cell or each.variables]
    if left_out:
        say(f"nbkeras: left out, because it needs what was trained: {_listed(left_out)}")


def _give_again(cluster: Cluster, variables: dict[str, str]) -> dict[str, str]:
    """Give variables, and forget those that are refused; return their names with the reasons."""
    try:
        give(cluster, variables)
    except Refusal:
        refused = {}
        # None is put when one is refused, so each is tried.
        for name, path in list(variables.items()):
            try:
                give(cluster, {name: path})
            except Refusal as refusal:  # noqa: PERF203 - to give one takes far longer
                Path(variables.pop(name)).unlink(missing_ok=True)
                refused[name] = str(refusal).removeprefix(f"{name}: ")
        return refused
    return {}


def _listed(left_out: dict[str, str]) -> str:
    """Return what was left out with the reasons, in one line that can be read."""
    by_reason: dict[str, list[str]] = {}
    for what, why in left_out.items():
        by_reason.setdefault(why, []).append(what)
    said = [f"{', '.join(all_of_it)} ({why})" for why, all_of_it in by_reason.items()]
    more = sum(map(len, list(by_reason.values())[_REASONS:]))
    return "; ".join([*said[:_REASONS], *([f"and {more} more"] if more else [])])
