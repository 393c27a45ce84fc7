"""A cluster whose workers are on other hosts, each beside an engine of ipyparallel."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.cluster import Cluster
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.hosts.engine_kernel import EngineKernel
from nbkeras.cluster.hosts.facts import LOOPBACK
from nbkeras.cluster.hosts.spreading import HostCommands
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nbkeras.cluster.hosts.engines import Engines

# Seconds without an answer of an engine, which answers ten times a second, that explain another's error.
_SUSPECT = 3.0


class HostsCluster(Cluster):
    """Workers on other hosts: what they and the notebook need of each other travels through engines."""

    apart = True

    def __init__(self, engines: Engines, **options: Any) -> None:
        """Describe a cluster; `start` starts it.

        Args:
            engines: the engines, one for each worker.
            **options: of `Cluster`.
        """
        super().__init__(len(engines.all), **options)
        self._engines = engines
        self.where = engines.where

    @property
    def hosts(self) -> list[str]:
        """The host of each worker."""
        return [engine.host for engine in self._engines.all]

    def deliver(self, names: Iterable[str]) -> None:
        """Send files of the cluster's folder to all hosts."""
        with self._freed_on_failure():
            for name in names:
                for kernel in self._kernels:
                    kernel.write(self.folder / name, name)

    def fetch(self, rank: int, path: str) -> Path:
        """Fetch a file of a worker's folder."""
        fetched = self.folder / f"rank-{rank}" / path
        with self._freed_on_failure():
            self._kernels[rank].read(path, fetched)
        return fetched

    def unseen(self, folders: Iterable[Path]) -> dict[Path, list[int]]:
        """Return which folders of the notebook's machine some workers don't see, and which workers."""
        found = {}
        for folder in folders:
            # A folder of the same name may be another one.
            mark = folder / f".nbkeras-{secrets.token_hex(8)}"
            try:
                mark.touch()
                with self._freed_on_failure():
                    ranks = [each.rank for each in self._kernels if not each.call("seen", [str(mark)])[0]]
            except OSError:
                ranks = list(range(self.workers))
            finally:
                with suppress(OSError):
                    mark.unlink(missing_ok=True)
            if ranks:
                found[folder] = ranks
        return found

    def stop(self) -> None:
        """End all workers, and what was started for them on their hosts."""
        super().stop()
        self._engines.close()

    def _blamed(self, failure: WorkerFailure) -> WorkerFailure:
        """Return the failure of a worker that is not heard of: errors of those that wait follow from it."""
        lost = max(self._kernels, key=lambda kernel: kernel.silent)
        return WorkerFailure(lost.rank, lost.silence) if lost.silent > _SUSPECT else failure

    def _new_kernels(self) -> list[Any]:
        self._engines.watch()
        return [EngineKernel(rank, engine, self.folder) for rank, engine in enumerate(self._engines.all)]

    def _shared_gpus(self) -> list[dict[str, str]]:
        # Which GPUs a host has, and who else uses them, is the affair of its engine.
        return [{}] * self.size

    def _new_commands(self) -> Any:
        return HostCommands(self._kernels)

    def _addresses(self) -> list[str]:
        found = self._engines.facts()
        alone = len({each["machine"] for each in found}) == 1
        addresses: list[str] = []
        for rank, (engine, told) in enumerate(zip(self._engines.all, found, strict=True)):
            address = engine.given_address or (LOOPBACK if alone else told["address"])
            if not address:
                text = (
                    f"rank {rank}: expected an address at which other hosts reach {engine.host}, found none"
                )
                raise Refusal(f"{text}: give  address=10.0.0.1  behind it in the file of  --hosts")
            port = 0
            while not port or f"{address}:{port}" in addresses:
                port = self._engines.free_port(engine, address)
            addresses.append(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
        return addresses
