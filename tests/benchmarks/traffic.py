"""Everything that a kernel says on iopub, counted as it comes."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import zmq

DELIMITER = b"<IDS|MSG>"


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its type, its size, and when it came (s)."""

    at: float
    kind: str
    parent: str
    content: bytes
    payload: int
    """Bytes of content and buffers: what the sender chose to say."""
    wire: int
    """Bytes of all frames: Jupyter adds headers, the request that it belongs to, and a signature."""

    def data(self) -> dict[str, Any]:
        """Return the data of a comm's message; of others, nothing."""
        data: dict[str, Any] = json.loads(self.content).get("data", {})
        return data

    def ends_a_cell(self) -> bool:
        """Tell whether a cell is done, its outputs included."""
        return self.kind == "status" and self.parent == "execute_request" and b'"idle"' in self.content


@dataclass(frozen=True, slots=True)
class Traffic:
    """What came in a number of seconds."""

    messages: list[Message]
    seconds: float

    @property
    def payload(self) -> int:
        """Bytes of content and buffers."""
        return sum(message.payload for message in self.messages)

    @property
    def wire(self) -> int:
        """Bytes of all frames."""
        return sum(message.wire for message in self.messages)

    def inner(self, margin: float) -> Traffic:
        """Return what came without the first and the last seconds, which say more."""
        begin, end = self.messages[0].at + margin, self.messages[-1].at - margin
        return Traffic([message for message in self.messages if begin <= message.at < end], end - begin)


class Listener:
    """A second subscriber to a kernel's iopub, in a thread of its own."""

    def __init__(self, address: str) -> None:
        """Listen from now on.

        Args:
            address: where the kernel publishes, such as ``tcp://127.0.0.1:5555``.
        """
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")
        self._socket.set_hwm(0)
        self._socket.connect(address)
        self._messages: list[Message] = []
        self._cells = 0
        self._news = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def cell(self, timeout: float) -> Traffic:
        """Wait for the end of one cell and return what came until then.

        Raises:
            TimeoutError: when its end does not come.
        """
        with self._news:
            if not self._news.wait_for(lambda: self._cells > 0, timeout):
                raise TimeoutError("the end of the cell did not come")
            self._cells -= 1
            last = next(i for i, message in enumerate(self._messages) if message.ends_a_cell())
            mine, self._messages = self._messages[: last + 1], self._messages[last + 1 :]
        return Traffic(mine, mine[-1].at - mine[0].at)

    def close(self) -> None:
        """Stop listening."""
        self._closing = True
        self._thread.join()
        self._context.destroy(linger=0)

    def _listen(self) -> None:
        while not self._closing:
            if self._socket.poll(200):
                message = _read(self._socket.recv_multipart())
                with self._news:
                    self._messages.append(message)
                    self._cells += message.ends_a_cell()
                    self._news.notify_all()


def _read(frames: list[bytes]) -> Message:
    first = frames.index(DELIMITER)
    header, parent, _metadata, content, *buffers = frames[first + 2 :]
    return Message(
        time.perf_counter(),
        json.loads(header)["msg_type"],
        json.loads(parent).get("msg_type", ""),
        content,
        len(content) + sum(map(len, buffers)),
        sum(map(len, frames)),
    )
