"""One worker beside an engine of ipyparallel, as `WorkerKernel` is one on this machine."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections import deque
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.failure import WorkerFailure
from nbkeras.cluster.kernel import execute_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nbkeras.cluster.hosts.engine import Engine

# Seconds that an engine waits for news before it answers that there are none.
_WAIT = 0.1
# Seconds without an answer after which an engine is taken for gone.
SILENCE = 10.0
# Seconds that an answer to all else may take, and to the worker's end.
_ANSWER, _END = 10.0, 5.0
_PART = 4_000_000
_LINE_OF_KERAS = ("TF_USE_LEGACY_KERAS", "KERAS_BACKEND")


class EngineKernel:
    """Starts, asks and ends the worker beside one engine.

    There is always one request under way that waits for the worker's news; its answer wakes the notebook's
    poll through a socket.
    """

    # Its Python knows where it imports from.
    path: tuple[str, ...] = ()

    def __init__(self, rank: int, engine: Engine, folder: Path) -> None:
        """Describe a worker that does not run yet.

        Args:
            rank: its number, from 0.
            engine: the engine beside it.
            folder: the notebook's own, where its log goes at its end.
        """
        self.rank = rank
        self.host = engine.host
        self.log = folder / f"worker-{rank}.log"
        self.pid: int | None = None
        self.folder = ""
        self.parent = 0
        self._engine = engine
        self._ending: str | None = "was not started"
        self._last = 0
        self._asked = 0.0
        self._answers: deque[Any] = deque()
        self._awake, self._wake = socket.socketpair()
        for each in (self._awake, self._wake):
            each.settimeout(0)

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it, with more variables in its environment.

        Raises:
            WorkerFailure: when its engine does not answer, or cannot.
        """
        # The Keras line of the notebook.
        own = {name: os.environ[name] for name in _LINE_OF_KERAS if name in os.environ}
        started = self.call("start", self.rank, {**own, **environment})
        self.folder, self.parent, self.pid = started["folder"], started["parent"], started["pid"]
        self._ending = None
        self._ask_for_news()

    @property
    def sockets(self) -> list[Any]:
        """What to poll for messages."""
        return [self._awake] if self._ending is None else []

    @property
    def ending(self) -> str | None:
        """How the worker ended, None while it runs."""
        if self._ending is None and self.silent > SILENCE:
            self._ending = self.silence
        return self._ending

    @property
    def silent(self) -> float:
        """For how many seconds its engine has been asked for news, and has not answered."""
        return 0.0 if self._answers or self._ending is not None else time.monotonic() - self._asked

    @property
    def silence(self) -> str:
        """What is said of that."""
        return f"was not heard of for {self.silent:.0f} s: its engine on {self.host} does not answer"

    def send(self, kind: str, content: Mapping[str, Any]) -> str:
        """Send a request; return its id."""
        id = uuid.uuid4().hex
        self.ask("send", kind, dict(content), id)
        return id

    def execute(self, code: str) -> str:
        """Ask for code to be executed as a cell; return the request's id."""
        return self.send("execute_request", execute_content(code))

    def messages(self) -> Iterator[dict[str, Any]]:
        """Give the messages that have come."""
        with suppress(BlockingIOError):
            while self._awake.recv(4096):
                pass
        while self._answers and self._ending is None:
            try:
                last, told = self._answers.popleft().result()
            except Exception as error:  # noqa: BLE001 - ipyparallel's own, and what it carries from there
                self._ending = f"was lost: {self._words(error)}"
                return
            self._last = last
            self._ask_for_news()
            for each in told:
                if "ending" in each:
                    self.log.write_text(each["log"])
                    self._ending = each["ending"]
                    break
                yield {
                    "header": {"msg_type": each["kind"]},
                    "parent_header": {"msg_id": each["parent"]},
                    "content": each["content"],
                }

    def said(self) -> str:
        """Return what its process has said beside its cells' outputs."""
        with suppress(WorkerFailure):
            if self._ending is None:
                return str(self.call("log"))
        return self.log.read_text() if self.log.exists() else ""

    def interrupt(self) -> None:
        """Send it what a notebook's stop button sends."""
        self.ask("interrupt")

    def kill(self) -> None:
        """End the process at once."""
        if self.pid is not None:
            with suppress(WorkerFailure):
                self.call("kill", within=_END)
        self._ending = self._ending or "was ended"
        for each in (self._awake, self._wake):
            each.close()

    def ask(self, what: str, *arguments: Any) -> Any:
        """Call a function of `relay` there; return what will have its result, or the reason for none."""
        return self._engine.ask(what, *arguments)

    def call(self, what: str, *arguments: Any, within: float = _ANSWER) -> Any:
        """Call a function of `relay` there, and wait for its result.

        Raises:
            WorkerFailure: when there is none in time.
        """
        try:
            return self.ask(what, *arguments).result(within)
        except Exception as error:  # noqa: BLE001 - ipyparallel's own, and what it carries from there
            raise WorkerFailure(self.rank, f"was lost: {self._words(error, within)}") from None

    def write(self, path: Path, name: str) -> None:
        """Send a file into the worker's folder."""
        with path.open("rb") as file:
            offset = 0
            while (part := file.read(_PART)) or not offset:
                self.call("write", name, part, offset)
                offset += max(len(part), 1)

    def read(self, name: str, path: Path) -> None:
        """Fetch a file of the worker's folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while part := self.call("read", name, file.tell(), _PART):
                file.write(part)

    def _ask_for_news(self) -> None:
        self._asked = time.monotonic()
        self.ask("take", self._last, _WAIT).add_done_callback(self._came)

    def _came(self, answer: Any) -> None:
        # In ipyparallel's own thread.
        self._answers.append(answer)
        with suppress(OSError):
            self._wake.send(b"x")

    def _words(self, error: BaseException, within: float = 0.0) -> str:
        """Return what went wrong, in one line, without the traceback that ipyparallel carries."""
        from ipyparallel.error import EngineError, NoEnginesRegistered

        # The client's own, in the shape of one from there.
        if getattr(error, "ename", "") == EngineError.__name__:
            return f"its engine on {self.host} ended"
        if isinstance(error, (IndexError, NoEnginesRegistered)):
            return f"its engine on {self.host} is not there any more"
        if isinstance(error, FutureTimeoutError):
            return f"its engine on {self.host} did not answer within {within:g} s"
        text = str(getattr(error, "evalue", "") or error).strip().splitlines()
        return text[0][:300] if text else type(error).__name__
