"""One worker: an IPython kernel in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from subprocess import Popen

    import zmq

_HAS_FILES = os.name == "posix"
# What stands behind the path of such a socket: "-" and a number from 1 on.
_NUMBERED = len("-99")


class WorkerKernel:
    """Starts, asks and ends the kernel of one worker.

    Requests and messages go straight through ZeroMQ, in the thread that calls: a blocking client of
    ``jupyter_client`` needs a thread for every message while the notebook's own loop runs (8.10).
    """

    def __init__(self, rank: int, folder: Path, context: zmq.Context[Any]) -> None:
        """Describe a worker that does not run yet.

        Args:
            rank: its number, from 0.
            folder: where its connection file and its log go.
            context: where its sockets live.
        """
        self.rank = rank
        self.folder = str(folder)
        self.parent = os.getpid()
        # It imports what the notebook imports, from where it does.
        self.path = tuple(each for each in sys.path if each)
        self.log = folder / f"worker-{rank}.log"
        self._file = folder / f"worker-{rank}.json"
        self._context = context
        self._process: Popen[bytes] | None = None
        self._sockets: list[Any] = []

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the process, with more variables in its environment; it is not waited for."""
        import zmq
        from jupyter_client.connect import write_connection_file
        from jupyter_client.launcher import launch_kernel
        from jupyter_client.session import Session

        key = secrets.token_hex(16).encode()
        transport, place = _where(self._file)
        _, info = write_connection_file(str(self._file), key=key, transport=transport, ip=place)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(self._file)]
        # What one before it has said would be taken for its own last words.
        with self.log.open("wb") as log:
            self._process = launch_kernel(
                command, env={**os.environ, **environment}, stdout=log.fileno(), stderr=log.fileno()
            )
        self.session = Session(key=key)
        self._sockets = [self._context.socket(kind) for kind in (zmq.DEALER, zmq.SUB)]
        for each, port in zip(self._sockets, (info["shell_port"], info["iopub_port"]), strict=True):
            each.linger = 0
            # Nothing that a worker says is dropped while the notebook looks elsewhere.
            each.set_hwm(0)
            each.connect(f"{transport}://{place}{'-' if transport == 'ipc' else ':'}{port}")
        self._sockets[1].subscribe(b"")

    @property
    def sockets(self) -> list[Any]:
        """What to poll for messages."""
        return self._sockets

    @property
    def pid(self) -> int | None:
        """The number of the process, None when there is none."""
        return None if self._process is None else self._process.pid

    @property
    def ending(self) -> str | None:
        """How the process ended, None while it runs."""
        if self._process is None:
            return "was not started"
        code = self._process.poll()
        if code is None:
            return None
        if code < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def send(self, kind: str, content: Mapping[str, Any]) -> str:
        """Send a request; return its id."""
        message = self.session.msg(kind, dict(content))
        self.session.send(self._sockets[0], message)
        return str(message["header"]["msg_id"])

    def execute(self, code: str) -> str:
        """Ask for code to be executed as a cell; return the request's id."""
        return self.send("execute_request", execute_content(code))

    def messages(self) -> Iterator[dict[str, Any]]:
        """Give the messages that have come, outputs before replies."""
        import zmq

        for each in reversed(self._sockets):
            while True:
                try:
                    _, message = self.session.recv(each, mode=zmq.NOBLOCK)
                except ValueError:
                    # Not signed with our key: not for us.
                    continue
                if message is None:
                    break
                yield message

    def said(self) -> str:
        """Return what its process has said beside its cells' outputs: TensorFlow's own words."""
        try:
            return self.log.read_text(errors="replace")
        except OSError:
            return ""

    def interrupt(self) -> None:
        """Send it what a notebook's stop button sends."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End the process at once: one that waits for its peers hears nothing else."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        for each in self._sockets:
            each.close()
        self._sockets = []
        with suppress(OSError):
            self._file.unlink()

    def _signal(self, number: int) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            # Its children, too: data workers, say. The launcher gave it a session of its own.
            os.killpg(self._process.pid, number)


def refuse_without_ipykernel() -> None:
    """Refuse a Python that has no kernels: in a terminal IPython does without.

    Raises:
        Refusal: without ipykernel.
    """
    if importlib.util.find_spec("ipykernel") is None:
        text = "workers: expected ipykernel, in which each worker runs, received a Python without it"
        raise Refusal(f"{text}: type  %pip install ipykernel")


def _where(file: Path) -> tuple[str, str]:
    """Return by what and where a kernel is reached: its messages are signed with a key in either case."""
    import zmq

    # Files of this user alone where there are such sockets and room for their names; else this machine's own
    # network.
    path = file.with_suffix("")
    if _HAS_FILES and len(os.fsencode(path)) + _NUMBERED <= zmq.IPC_PATH_MAX_LEN:
        return "ipc", str(path)
    return "tcp", "127.0.0.1"


def execute_content(code: str) -> dict[str, Any]:
    """Return what a request to execute a cell says."""
    return {
        "code": code,
        "silent": False,
        "store_history": False,
        "user_expressions": {},
        "allow_stdin": False,
        # What follows is asked for by somebody who knows of the failure.
        "stop_on_error": False,
    }
