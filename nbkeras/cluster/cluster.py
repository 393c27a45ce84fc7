"""A cluster of workers, on this machine where nothing else is said."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.commands import Commands
from nbkeras.cluster.endings import ending_of
from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.folder import OwnFolder
from nbkeras.cluster.gpus import own_gpus, shared_gpus
from nbkeras.cluster.health import Health, hanging, looked_at, silent
from nbkeras.cluster.joining import greet, heard, importing_from, late
from nbkeras.cluster.kernel import WorkerKernel
from nbkeras.cluster.raised import raised_by
from nbkeras.cluster.tasks import free_addresses, tf_config
from nbkeras.cluster.wire import told

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from nbkeras.cluster.prepared import Given

# Milliseconds until the next look, when no message comes.
_LOOK = 100
# Seconds that the others have after an error of one worker: most errors come on all of them.
GRACE = 5.0
# Seconds after an interrupt until workers that wait in an operation of TensorFlow are ended.
_AFTER_INTERRUPT = 3.0


class Cluster:
    """Workers that execute cells together, under one ``MultiWorkerMirroredStrategy``.

    The notebook's own process takes no part in the training: TensorFlow wants a process of its own for
    each worker, in which nothing of TensorFlow was used before the strategy.

    Attributes:
        workers: how many workers there are.
        apart: whether each worker has a folder and commands of its own, as on hosts of their own.
        where: where they are, in words.
        healths: what is known of each.
        prepared: what they have been given, in that order, so that those in their place can be given it.
        broken: which worker failed, and how; None while all go.
        news: lines that the user has not been told yet.
        away: the workers that do not see the notebook's folder.
    """

    apart = False
    where = "on this machine"

    def __init__(self, workers: int = 2, *, deadline: float = 120.0, patience: float = 12.0) -> None:
        """Describe a cluster; `start` starts it.

        Args:
            workers: how many workers. Default 2.
            deadline: seconds until all must have joined. Default 120.
            patience: seconds that the others wait for a worker that stands at one place. Default 12.
        """
        self.workers = workers
        self.healths: list[Health] = []
        self.broken: WorkerFailure | None = None
        self.away: list[int] = []
        self.prepared: list[Given] = []
        self.news: list[str] = []
        self._deadline = deadline
        self._patience = patience
        self._kernels: list[Any] = []
        self._folder: OwnFolder | None = None
        self._context: Any = None

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self.workers

    @property
    def takers(self) -> range:
        """The ranks that take cells."""
        return range(self.workers)

    @property
    def described(self) -> str:
        """What it is made of, in words."""
        return f"{self.workers} worker{'s' * (self.workers != 1)}"

    @property
    def roles(self) -> list[str]:
        """What each process is, where they are not all the same; else empty."""
        return []

    @property
    def runs(self) -> bool:
        """Whether its workers can take a cell."""
        return bool(self._kernels) and self.broken is None and all(k.ending is None for k in self._kernels)

    @property
    def folder(self) -> Path:
        """Where its own files are; they go with it."""
        if self._folder is None:
            self._folder = OwnFolder()
        return self._folder.path

    @property
    def pids(self) -> list[int | None]:
        """The process of each worker."""
        return [kernel.pid for kernel in self._kernels]

    @property
    def hosts(self) -> list[str]:
        """The host of each worker, where they are on others than the notebook's."""
        return []

    def log_of(self, rank: int) -> str:
        """Return what a worker's process has said beside its cells' outputs: TensorFlow's own words."""
        return self._kernels[rank].said().strip() if self._kernels else ""

    def deliver(self, names: Iterable[str]) -> None:
        """Make files of the cluster's folder be there for all workers, under their names in that folder."""

    def fetch(self, rank: int, path: str) -> Path:  # noqa: ARG002 - all have one folder here
        """Return a file of a worker's folder as one of this machine."""
        return self.folder / path

    def unseen(self, folders: Iterable[Path]) -> dict[Path, list[int]]:  # noqa: ARG002 - all see all here
        """Return which folders of the notebook's machine some workers don't see, and which workers."""
        return {}

    def start(
        self,
        show: Callable[[], None] = lambda: None,
        environment: Mapping[int, Mapping[str, str | os.PathLike[str]]] | None = None,
    ) -> None:
        """Start the workers, and wait until all have joined.

        Args:
            show: called when something has changed.
            environment: more variables for the environment of single workers. Default None.

        Raises:
            WorkerFailure: when one ends, or not all have joined before the deadline; none is left then.
        """
        import zmq

        self._end()
        self.broken = None
        self._context = zmq.Context()
        self._kernels = self._new_kernels()
        self.commands = self._new_commands()
        addresses = self._addresses()
        self.healths = [Health(rank) for rank in range(self.size)]
        gpus = self._shared_gpus()
        show()
        end = time.monotonic() + self._deadline
        with self._freed_on_failure(starting=True):
            for rank, kernel in enumerate(self._kernels):
                own = (environment or {}).get(rank, {})
                # TensorFlow's own chatter would come into the cell's output.
                said = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_CONFIG": self._config(addresses, rank)}
                kernel.start({**said, **gpus[rank], **{name: str(value) for name, value in own.items()}})
            greet(self._kernels, self.healths, self._messages, lambda: self._look_while_joining(end))
            self._request(self._beginnings(), lambda _, __: show(), end)
        for health in self.healths:
            health.state = "ready"
        show()

    def request(
        self,
        code: str,
        listen: Callable[[int, dict[str, Any]], None] = lambda _, __: None,
        look: Callable[[], None] = lambda: None,
        *,
        watched: bool = True,
    ) -> None:
        """Execute code on all workers, and wait until all are done with it.

        Args:
            code: the code.
            listen: called with the rank and each message of its kernel, in this thread.
            look: called ten times a second.
            watched: whether it is a cell, in which workers wait for each other, so that one that stands at
                one place is told. Default True; else only one of which nothing is heard.

        Raises:
            WorkerFailure: when a worker ends, raises, or stands still; the others are freed. The cluster
                is broken then, unless all have come back by themselves.
        """
        codes = dict.fromkeys(self.takers, code if watched else heard(code))
        with self._freed_on_failure():
            self._request(codes, listen, None, look, watched=watched)

    def look(self) -> None:
        """Note a worker that has ended since the last cell; the others are freed, as in a cell."""
        if self._kernels and self.broken is None:
            with suppress(WorkerFailure), self._freed_on_failure():
                self._look_for_failures({})

    def stop(self) -> None:
        """End all workers, and delete the cluster's files; without any, nothing happens."""
        self._end()
        self.prepared.clear()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def _end(self) -> None:
        for kernel in self._kernels:
            kernel.kill()
        self._kernels = []
        if self._context is not None:
            self._context.destroy(linger=0)
            self._context = None

    def _config(self, addresses: list[str], rank: int) -> str:
        """Return the ``TF_CONFIG`` of one process."""
        return tf_config(addresses, rank)

    def _shared_gpus(self) -> list[dict[str, str]]:
        """Return what gives each process GPUs of its own; what there is to say of it is news."""
        added, line = shared_gpus(own_gpus(), self.roles or ["worker"] * self.size)
        self.news += [line] if line else []
        return added

    def _beginning(self, rank: int) -> str:
        """Return the code by which a process joins."""
        kernel = self._kernels[rank]
        return (
            "from nbkeras.cluster import worker as _nbkeras_worker\n"
            f"_nbkeras_worker.begin({rank}, {self.workers}, {kernel.folder!r}, {kernel.parent}, "
            f"apart={self.apart})"
        )

    def _new_kernels(self) -> list[Any]:
        """Describe the processes, which do not run yet."""
        return [WorkerKernel(rank, self.folder, self._context) for rank in range(self.size)]

    def _new_commands(self) -> Any:
        """Return the way by which the workers are asked for something in a training."""
        # A wish that nobody has fulfilled was for those before.
        (self.folder / "commands").unlink(missing_ok=True)
        return Commands(self.folder / "commands")

    def _addresses(self) -> list[str]:
        """Return where the processes will listen."""
        return free_addresses(self.size)

    def _beginnings(self) -> dict[int, str]:
        return {each.rank: importing_from(each.path, self._beginning(each.rank)) for each in self._kernels}

    def _request(
        self,
        codes: Mapping[int, str],
        listen: Callable[[int, dict[str, Any]], None],
        end: float | None,
        look: Callable[[], None] = lambda: None,
        *,
        watched: bool = False,
    ) -> None:
        for rank in codes:
            self.healths[rank].cell_began()
        waiting = {self._kernels[rank].execute(code): rank for rank, code in codes.items()}
        idle = set(waiting)
        failures: dict[int, dict[str, Any]] = {}
        first, looked = 0.0, time.monotonic()
        while waiting or idle:
            for rank, message in self._messages():
                parent = message["parent_header"].get("msg_id")
                kind, content = message["header"]["msg_type"], message["content"]
                if kind == "execute_reply" and waiting.pop(parent, None) is not None:
                    self.healths[rank].cell_ended()
                    if content["status"] != "ok":
                        failures[rank] = content
                        first = first or time.monotonic()
                elif kind == "status":
                    # The outputs of a request are complete when its kernel is idle.
                    idle -= {parent} if content["execution_state"] == "idle" else set()
                else:
                    self._hear(rank, kind, content)
                    listen(rank, message)
            look()
            looked = looked_at(self.healths, looked)
            # What joins gives no signs of life yet, and has a deadline; who has raised has left the cell.
            self._look_for_failures(waiting if end is None else {}, watched=watched and not failures)
            if failures and waiting and time.monotonic() - first > GRACE:
                break
            if end is not None:
                self._keep_deadline(end)
        if failures:
            raise self._blamed(raised_by(failures, all_are_back=not waiting))

    def _blamed(self, failure: WorkerFailure) -> WorkerFailure:
        """Return the failure behind one that a worker has raised."""
        return failure

    def _hear(self, rank: int, kind: str, content: dict[str, Any]) -> None:
        said = told(kind, content)
        if said is None:
            return
        health = self.healths[rank]
        if "beat" in said:
            health.hear(said["beat"])
        elif "decided" in said:
            self.commands.spread(said["decided"])
        elif "state" in said:
            health.state = said["state"]

    def _messages(self) -> Iterator[tuple[int, dict[str, Any]]]:
        import zmq

        poller = zmq.Poller()
        for kernel in self._kernels:
            for each in kernel.sockets:
                poller.register(each, zmq.POLLIN)
        if poller.poll(_LOOK):
            for kernel in self._kernels:
                for message in kernel.messages():
                    yield kernel.rank, message

    def _look_for_failures(self, waiting: Mapping[str, int], *, watched: bool = False) -> None:
        for kernel in self._kernels:
            ending = ending_of(kernel)
            if ending is not None:
                raise WorkerFailure(kernel.rank, ending)
        if waiting:
            found = (hanging if watched else silent)(self.healths, self._patience)
            if found is not None:
                raise WorkerFailure(*found)

    def _look_while_joining(self, end: float) -> None:
        self._look_for_failures({})
        self._keep_deadline(end)

    def _keep_deadline(self, end: float) -> None:
        if time.monotonic() > end:
            raise late(self.healths, self._deadline)

    @contextmanager
    def _freed_on_failure(self, *, starting: bool = False) -> Iterator[None]:
        """End all workers when one has failed: those that wait for it would wait for ever."""
        try:
            yield
        except WorkerFailure as failure:
            if failure.all_are_back and not starting:
                raise
            self.broken = failure
            self.healths[failure.rank].state = "failed"
            self._end_kernels()
            raise
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            if starting:
                what = "was interrupted before all had joined" if interrupted else f"has not started: {error}"
                self.broken = WorkerFailure(0, what)
                self._end_kernels()
            elif interrupted:
                self._interrupt()
            raise

    def _interrupt(self) -> None:
        """Interrupt all workers; those that do not come back are ended, and all with them."""
        for rank in self.takers:
            self._kernels[rank].interrupt()
        # Those behind the cell have made other steps than those in it, and would meet them in the next one.
        apart = {"done", "runs"} <= {self.healths[rank].state for rank in self.takers}
        back: set[int] = set()
        end = time.monotonic() + _AFTER_INTERRUPT
        while len(back) < len(self.takers) and time.monotonic() < end:
            for rank, message in self._messages():
                if message["header"]["msg_type"] == "execute_reply":
                    back.add(rank)
        if apart or len(back) < len(self.takers):
            waits = min(set(self.takers) - back, default=0)
            self.broken = WorkerFailure(waits, "was ended by the interrupt")
            self._end_kernels()

    def _end_kernels(self) -> None:
        for kernel in self._kernels:
            kernel.kill()
        for health in self.healths:
            if health.state != "failed":
                health.state = "ended"
