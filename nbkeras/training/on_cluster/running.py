"""Runs a cell on all workers: rank 0's runs are shown here, and the controls here reach all."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.callbacks.interrupt import GracefulInterrupt, InterruptCount
from nbkeras.cluster.asking import Asking
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.mirror import Mirror
from nbkeras.cluster.wire import told
from nbkeras.reproducibility.seeding import LARGEST
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from nbkeras.cluster.cluster import Cluster
    from nbkeras.runs.run import Run

_IMPORT = "from nbkeras.training.on_cluster import cells as _nbkeras_cells\n"


@dataclass(slots=True)
class _Controls:
    """The way from the notebook's interrupts and views to the run under way."""

    cluster: Cluster
    host: FrameType
    max_time: float | None
    count: InterruptCount = field(default_factory=InterruptCount)
    asking: Asking | None = None
    interrupt: GracefulInterrupt | None = None

    def follow(self, begun: Run | None, mirror: Mirror) -> None:
        if begun is not None:
            self._take(begun)
        elif mirror.live is None:
            self.leave()

    def look(self) -> None:
        if self.asking is not None:
            self.asking.look()

    def _take(self, run: Run) -> None:
        self.leave()
        self.asking = Asking(run, self.cluster.commands, self.max_time)
        self.interrupt = GracefulInterrupt(run.control, self.count)
        self.interrupt.install(self.host)

    def leave(self) -> None:
        if self.interrupt is not None:
            self.interrupt.remove()
        self.asking = self.interrupt = None


def run_on_cluster(
    cluster: Cluster,
    cell: str,
    *,
    max_time: float | None = None,
    quiet: bool = False,
    listen: Callable[[int, dict[str, Any]], None] = lambda _, __: None,
    look: Callable[[], None] = lambda: None,
    **options: Any,
) -> list[Run]:
    """Execute a cell on all workers, each under the cluster's strategy; return rank 0's runs.

    The first interrupt stops the training on all workers after the same step and lets the cell go on; a
    second one interrupts the workers, and ends those that wait for others.

    Args:
        cluster: workers that are ready.
        cell: the source.
        max_time: seconds of training after which a ``fit`` stops. Default None: never.
        quiet: record the runs and show nothing. Default False.
        listen: called with the rank and each message of its kernel.
        look: called ten times a second.
        **options: options of `nbkeras.fitting` for the workers.

    Raises:
        Refusal: for what nbkeras refuses on all workers; they can take another cell.
        KeyboardInterrupt: for a stop in an ``evaluate`` or ``predict``, too, as in the notebook itself.
        WorkerFailure: when a worker ends, raises or stands still.
    """
    __tracebackhide__ = True
    mirror = Mirror(shown=not quiet)
    controls = _Controls(cluster, sys._getframe(), max_time)  # noqa: SLF001 - this very call, for the handler

    def hear(rank: int, message: dict[str, Any]) -> None:
        said = told(message["header"]["msg_type"], message["content"])
        if said is None:
            listen(rank, message)
        elif rank == 0 and "run" in said:
            controls.follow(mirror.take(said), mirror)

    def look_after() -> None:
        controls.look()
        look()

    begin = {
        "folder": str(Path.cwd()),
        "away": cluster.away,
        "order_seed": int.from_bytes(os.urandom(4), "big") % LARGEST,
        **options,
    }
    cluster.request(f"{_IMPORT}_nbkeras_cells.begin_cell(**{begin!r})", watched=False)
    came_to_its_end = False
    try:
        cluster.request(cell, hear, look_after)
        came_to_its_end = True
    except WorkerFailure as failure:
        if failure.interrupted:
            mirror.close("interrupted", "interrupt")
            raise KeyboardInterrupt from None
        mirror.close("failed", failure.refusal or str(failure))
        if failure.refusal:
            raise Refusal(failure.refusal) from None
        raise
    except KeyboardInterrupt:
        mirror.close("interrupted", "interrupt")
        raise
    finally:
        controls.leave()
        if cluster.runs:
            cluster.request(f"{_IMPORT}_nbkeras_cells.end_cell({came_to_its_end=})", watched=False)
    mirror.close("finished", "")
    return mirror.runs
