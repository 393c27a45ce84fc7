"""One engine of ipyparallel, and the calls of `relay` in it."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any


class Engine:
    """An engine that a cluster uses."""

    def __init__(self, client: Any, number: int, owner: str) -> None:
        """Describe it.

        Args:
            client: ipyparallel's client.
            number: ipyparallel's number of the engine.
            owner: the cluster.
        """
        self.number = number
        self.host = ""
        self.given_address = ""
        self._client = client
        self._owner = owner

    def ask(self, what: str, *arguments: Any) -> Any:
        """Call a function of `relay` in the engine; return what will have its result.

        By name: a function itself would be sent as its bytecode, which another Python reads otherwise.
        """
        return self.evaluate("relay", what, self._owner, *arguments)

    def evaluate(self, module: str, what: str, *arguments: Any) -> Any:
        """Call a function of a module of this folder in the engine.

        Returns:
            What will have its result, or the reason for none.
        """
        from ipyparallel import Reference

        name = f"__import__('nbkeras.cluster.hosts.{module}', fromlist=['{what}']).{what}"
        # A view keeps each of its results, and the client the number of each.
        del self._client.history[:-100]
        try:
            return self._client.direct_view(self.number).apply_async(Reference(name), *arguments)
        except Exception as error:  # noqa: BLE001 - ipyparallel's own, for an engine that has left
            failed: Future[Any] = Future()
            failed.set_exception(error)
            return failed
