"""What an engine of ipyparallel does for a cluster: it has a worker beside it, and is the way to it.

The worker is a process of its own, as on the notebook's machine, so that it begins without TensorFlow
whatever the engine was used for, can be ended when it waits for others, and can be started anew. The
functions below the class are called in the engine by the notebook, and return at once.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.commands import Commands, Wish
from nbkeras.cluster.folder import OwnFolder
from nbkeras.cluster.hosts.spreading import confirm_in
from nbkeras.cluster.kernel import WorkerKernel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Seconds without a word of the notebook's guardian after which the worker is ended.
LEASE = 30.0
# Milliseconds between two looks whether the worker still lives.
_LOOK = 200
# So much of a worker's log is told at its end.
_LOG = 20_000


class Relay:
    """A worker beside this engine."""

    def __init__(self, owner: str, rank: int, environment: Mapping[str, str]) -> None:
        """Start it; it is not waited for.

        Args:
            owner: the cluster that it is of.
            rank: its number there.
            environment: more variables for its environment.
        """
        import zmq

        self.owner = owner
        self.folder = OwnFolder()
        self.commands = Commands(self.folder.path / "commands")
        self._context = zmq.Context()
        self.kernel = WorkerKernel(rank, self.folder.path, self._context)
        self.kernel.start(environment)
        self._lease = time.monotonic() + LEASE
        self._outbox: deque[tuple[str, Mapping[str, Any], str]] = deque()
        self._ids: dict[str, str] = {}
        self._told: deque[dict[str, Any]] = deque()
        self._last = 0
        self._news = threading.Condition()
        self._closed = threading.Event()
        self._reader, self._writer = os.pipe()
        self._thread = threading.Thread(target=self._carry, name="nbkeras-relay", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether its worker has not been ended."""
        return not self._closed.is_set()

    def renew(self) -> None:
        """Note that the notebook is still there."""
        self._lease = time.monotonic() + LEASE

    def send(self, kind: str, content: Mapping[str, Any], id: str) -> None:
        """Hand a request on to the worker; what answers it is told under its id here."""
        self._outbox.append((kind, content, id))
        os.write(self._writer, b"x")

    def take(self, after: int, wait: float) -> tuple[int, list[dict[str, Any]]]:
        """Return what was told after a number, and the number of the last; wait a little for the first one.

        Args:
            after: the last number that has come; it and those before are forgotten.
            wait: seconds.
        """
        with self._news:
            while self._told and self._told[0]["number"] <= after:
                self._told.popleft()
            if not self._told:
                self._news.wait(wait)
            return self._last, list(self._told)

    def close(self) -> None:
        """End the worker, and delete its files."""
        if self.alive:
            self._closed.set()
            os.write(self._writer, b"x")
        self._thread.join()

    def log(self) -> str:
        """Return what the worker's process has said beside its cells' outputs."""
        try:
            return self.kernel.log.read_text(errors="replace")[-_LOG:]
        except OSError:
            return ""

    def _carry(self) -> None:
        import zmq

        # ZeroMQ's sockets are of one thread, this one.
        poller = zmq.Poller()
        for each in (self._reader, *self.kernel.sockets):
            poller.register(each, zmq.POLLIN)
        ending = None
        while not self._closed.is_set():
            if (self._reader, zmq.POLLIN) in poller.poll(_LOOK):
                os.read(self._reader, 4096)
            while self._outbox:
                kind, content, id = self._outbox.popleft()
                self._ids[self.kernel.send(kind, content)] = id
            for message in self.kernel.messages():
                parent = self._ids.get(message["parent_header"].get("msg_id", ""), "")
                self._tell(kind=message["header"]["msg_type"], parent=parent, content=message["content"])
            if ending is None and self.kernel.ending is not None:
                ending = self.kernel.ending
                self._tell(ending=ending, log=self.log())
            if time.monotonic() > self._lease:
                break
        self._closed.set()
        self.kernel.kill()
        self._context.destroy(linger=0)
        self.folder.remove()

    def _tell(self, **what: Any) -> None:
        with self._news:
            self._last += 1
            self._told.append({"number": self._last, **what})
            self._news.notify_all()


_relay: Relay | None = None


def _here(owner: str) -> Relay:
    if _relay is None or _relay.owner != owner or not _relay.alive:
        raise RuntimeError("its engine has no worker of this notebook any more")
    return _relay


def start(owner: str, rank: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """Start a worker; return where its files are, and which process it ends with.

    Raises:
        RuntimeError: when there is one of another notebook.
    """
    global _relay  # noqa: PLW0603 - an engine has one worker
    if _relay is not None and _relay.alive:
        if _relay.owner != owner:
            raise RuntimeError("its engine has a worker of another notebook")
        _relay.close()
    _relay = Relay(owner, rank, environment)
    return {"folder": str(_relay.folder.path), "parent": os.getpid(), "pid": _relay.kernel.pid}


def send(owner: str, kind: str, content: Mapping[str, Any], id: str) -> None:
    """See `Relay.send`."""
    _here(owner).send(kind, content, id)


def take(owner: str, after: int, wait: float) -> tuple[int, list[dict[str, Any]]]:
    """See `Relay.take`."""
    return _here(owner).take(after, wait)


def interrupt(owner: str) -> None:
    """Interrupt the worker."""
    _here(owner).kernel.interrupt()


def log(owner: str) -> str:
    """See `Relay.log`."""
    return _here(owner).log()


def kill(owner: str) -> None:
    """End the worker; without one of this cluster, nothing happens."""
    if _relay is not None and _relay.owner == owner:
        _relay.close()


def forget(owner: str, profile: str) -> None:
    """End the worker, and delete the profile that this engine was started with."""
    kill(owner)
    shutil.rmtree(Path.home() / ".ipython" / profile, ignore_errors=True)


def renew(owner: str) -> None:
    """See `Relay.renew`; without a worker of this cluster, nothing happens."""
    if _relay is not None and _relay.owner == owner:
        _relay.renew()


def ask(owner: str, what: int, value: float, run: int) -> None:
    """Write a wish of the notebook's, as `Commands.ask` does."""
    _here(owner).commands.ask(what, value, run)


def decide(owner: str, wish: Sequence[Any]) -> None:
    """Write what rank 0 has decided on another host."""
    _here(owner).commands.decide(Wish(*wish))


def confirm(owner: str, number: int) -> None:
    """Let rank 0 go on: all know what it has decided."""
    confirm_in(_here(owner).folder.path, number)


def write(owner: str, name: str, part: bytes, offset: int) -> None:
    """Write a part of a file of the worker's folder."""
    path = _here(owner).folder.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        file.write(part)


def read(owner: str, name: str, offset: int, size: int) -> bytes:
    """Read a part of a file of the worker's folder."""
    with (_here(owner).folder.path / name).open("rb") as file:
        file.seek(offset)
        return file.read(size)


def seen(owner: str, paths: Sequence[str]) -> list[bool]:
    """Tell which files of the notebook's are here, too."""
    _here(owner)
    return [os.path.exists(path) for path in paths]  # noqa: PTH110 - texts, of another machine
