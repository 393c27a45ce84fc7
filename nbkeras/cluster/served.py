"""A cluster with parameter servers: a coordinator takes cells, workers compute, servers keep weights."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.cluster import Cluster
from nbkeras.cluster.endings import ending_of
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.health import SILENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Seconds in which a process that has broken a connection is seen to have ended.
_SETTLES = 0.3


class ServedCluster(Cluster):
    """A coordinator, workers and parameter servers, under one ``ParameterServerStrategy``.

    Rank 0 is the coordinator, then come the workers, then the parameter servers.
    """

    def __init__(
        self, workers: int = 2, servers: int = 1, *, deadline: float = 120.0, patience: float = 12.0
    ) -> None:
        """Describe a cluster; `start` starts it.

        Args:
            workers: how many workers. Default 2.
            servers: how many parameter servers. Default 1.
            deadline: seconds until all must have joined. Default 120.
            patience: seconds for which a process may give no sign of life in a cell. Default 12.
        """
        super().__init__(workers, deadline=deadline, patience=patience)
        self.servers = servers
        self._lost: set[int] = set()
        self._joined = False

    @property
    def size(self) -> int:
        """How many processes there are."""
        return 1 + self.workers + self.servers

    @property
    def takers(self) -> range:
        """The ranks that take cells: the coordinator's."""
        return range(1)

    @property
    def described(self) -> str:
        """What it is made of, in words."""
        servers = f"{self.servers} parameter server{'s' * (self.servers != 1)}"
        return f"{super().described}, {servers} and a coordinator"

    @property
    def roles(self) -> list[str]:
        """What each process is."""
        return ["coordinator", *["worker"] * self.workers, *["parameter server"] * self.servers]

    @property
    def runs(self) -> bool:
        """Whether it can take a cell: all live but some of the workers."""
        if not self._kernels or self.broken is not None:
            return False
        ended = {kernel.rank for kernel in self._kernels if kernel.ending is not None}
        return ended <= set(self._workers) and len(ended) < self.workers

    def start(
        self,
        show: Callable[[], None] = lambda: None,
        environment: Mapping[int, Mapping[str, str | os.PathLike[str]]] | None = None,
    ) -> None:
        """Start all processes, and wait until the coordinator has found the others."""
        self._lost.clear()
        self.news.clear()
        self._joined = False
        super().start(show, environment)
        self._joined = True

    def request(
        self,
        code: str,
        listen: Callable[[int, dict[str, Any]], None] = lambda _, __: None,
        look: Callable[[], None] = lambda: None,
        *,
        watched: bool = True,
    ) -> None:
        """Execute code on the coordinator, and wait until it is done; a worker that ends is lost, and said.

        Raises:
            WorkerFailure: when the coordinator, a parameter server or the last worker ends, or the code
                raises.
        """
        if watched:
            self._watch(on=True)
        try:
            super().request(code, listen, look, watched=watched)
        finally:
            if watched:
                self._watch(on=False)

    @property
    def _workers(self) -> range:
        return range(1, 1 + self.workers)

    def _config(self, addresses: list[str], rank: int) -> str:
        first = 1 + self.workers
        cluster = {"chief": addresses[:1], "worker": addresses[1:first], "ps": addresses[first:]}
        kind, before = ("chief", 0) if rank == 0 else ("worker", 1) if rank < first else ("ps", first)
        return json.dumps({"cluster": cluster, "task": {"type": kind, "index": rank - before}})

    def _beginning(self, rank: int) -> str:
        folder, notebook = str(self.folder), os.getpid()
        if rank:
            begin = f"_nbkeras_serving.begin({folder!r}, {notebook})"
            return f"from nbkeras.cluster import serving as _nbkeras_serving\n{begin}"
        begin = f"_nbkeras_worker.begin(0, {self.workers}, {folder!r}, {notebook}, coordinates=True)"
        return f"from nbkeras.cluster import worker as _nbkeras_worker\n{begin}"

    def _watch(self, *, on: bool) -> None:
        """Let those that take no cell give signs of life, or be silent."""
        for kernel in self._kernels[1:]:
            if kernel.ending is None and kernel.sockets:
                kernel.execute(f"_nbkeras_serving.watch({on=}, folder={str(Path.cwd())!r})")
                self.healths[kernel.rank].heard = time.monotonic()

    def _request(self, *args: Any, **kwargs: Any) -> None:
        try:
            super()._request(*args, **kwargs)
        except WorkerFailure as failure:
            if failure.all_are_back:
                # The coordinator may have noticed sooner than this process that a server has ended.
                time.sleep(_SETTLES)
                self._look_for_failures({})
            raise

    def _look_for_failures(self, waiting: Mapping[str, int], *, watched: bool = False) -> None:
        now = time.monotonic()
        for kernel in self._kernels:
            rank = kernel.rank
            if rank in self._lost:
                continue
            ending = ending_of(kernel)
            silent = now - self.healths[rank].heard
            # Those that take no cell give signs of life while one runs.
            heeded = waiting and (watched or rank in self.takers)
            if ending is None and heeded and silent > max(SILENCE, self._patience):
                ending = f"was not heard of for {silent:.0f} s: its process stands still"
                # What it was given is done by another one only when it has ended.
                kernel.kill()
            if ending is not None:
                self._lose(rank, ending)

    def _lose(self, rank: int, ending: str) -> None:
        """Go on without a worker; there is no going on without another process, or the last worker."""
        role = self.roles[rank]
        left = [each for each in self._workers if each not in self._lost and each != rank]
        if role != "worker" or not left or not self._joined:
            last = ", and no worker is left" if role == "worker" and self._joined else ""
            raise WorkerFailure(rank, f"({role}) {ending}{last}")
        self._lost.add(rank)
        self.healths[rank].state = ending
        others = "the other worker goes on" if len(left) == 1 else f"the other {len(left)} workers go on"
        self.news.append(f"rank {rank} ({role}) {ending}: {others}; a new one comes by  %cluster restart")
