"""The engines of one cluster of ipyparallel, and what ends their workers with the notebook."""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.hosts.engine import Engine
from nbkeras.cluster.hosts.facts import LOOPBACK, versions
from nbkeras.cluster.hosts.guard import Guard
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Seconds until an engine has answered; its first answer imports nbkeras there.
_ANSWER = 30.0
# Seconds until it has deleted its files.
_END = 5.0


def ipyparallel(option: str) -> Any:
    """Import ipyparallel.

    Raises:
        Refusal: when it is not installed; it begins with the option that needs it.
    """
    try:
        import ipyparallel as found
    except ImportError:
        text = f"{option}: expected ipyparallel, which reaches other hosts, received a Python without it"
        raise Refusal(f"{text}: type  %pip install 'nbkeras[cluster]'") from None
    return found


def controller_of(connection: Mapping[str, Any]) -> str:
    """Return the address of the controller that a file for clients tells of."""
    place = str(connection["interface"]).partition("://")[2]
    # One that listens at all of its addresses is reached by its location.
    return str(connection.get("location") or LOOPBACK) if place in {"*", "0.0.0.0"} else place  # noqa: S104


class Engines:
    """Engines that are there, one for each worker.

    Attributes:
        all: the engines, by rank.
        where: where they are, in words.
    """

    def __init__(
        self,
        client: Any,
        numbers: Sequence[int],
        option: str,
        *,
        connection: Mapping[str, Any],
        end: Callable[[], None] | None = None,
        files: Path | None = None,
    ) -> None:
        """Take engines, and ask them for their hosts.

        Args:
            client: ipyparallel's client of them.
            numbers: ipyparallel's numbers of the engines, by rank.
            option: the option that has asked for them, for refusals.
            connection: how a client connects.
            end: ends the engines and their controller; None for engines that are somebody else's.
            files: the profile of engines that were started for this cluster alone, which goes with them.

        Raises:
            Refusal: when one does not answer, or has other versions than the notebook.
        """
        self._client = client
        self._option = option
        self._owner = secrets.token_hex(8)
        self._end = end
        self._files = files
        self.all = [Engine(client, number, self._owner) for number in numbers]
        self._connection = dict(connection)
        self._guard: Guard | None = None
        for engine, told in zip(self.all, self.facts(), strict=True):
            engine.host = told["host"]
            self._refuse_other_versions(engine, told)
        hosts = dict.fromkeys(engine.host for engine in self.all)
        whose = "" if end is None else ", with engines of their own"
        self.where = f"on {', '.join(hosts)}, {option}{whose}"

    def put_in_order(self, addresses: Sequence[str]) -> None:
        """Put engines that a file of hosts has started into the order of its lines.

        Args:
            addresses: what each line says of its host's address, "" for nothing.
        """
        lines = [int(told["line"]) for told in self.facts()]
        for engine, line in zip(self.all, lines, strict=True):
            engine.given_address = addresses[line]
        self.all = [
            engine for _, engine in sorted(zip(lines, self.all, strict=True), key=lambda pair: pair[0])
        ]

    def facts(self) -> list[dict[str, Any]]:
        """Return what each engine tells of its host."""
        asked = [engine.evaluate("facts", "facts", controller_of(self._connection)) for engine in self.all]
        return [self._answer(engine, each) for engine, each in zip(self.all, asked, strict=True)]

    def free_port(self, engine: Engine, address: str) -> int:
        """Return a port of an engine's host on which nobody listens.

        Raises:
            Refusal: when the address is not that host's.
        """
        return int(self._answer(engine, engine.evaluate("facts", "free_port", address)))

    def watch(self) -> None:
        """Let the workers live as long as this process, and no longer."""
        if self._guard is None:
            numbers = [engine.number for engine in self.all]
            folder = None if self._files is None else str(self._files)
            self._guard = Guard(
                self._connection, self._owner, numbers, ends_all=self._end is not None, folder=folder
            )

    def close(self) -> None:
        """Leave the engines; those that were started for this cluster end."""
        if self._guard is not None:
            self._guard.release()
            self._guard = None
        if self._files is not None:
            for engine in self.all:
                with suppress(Exception):
                    engine.ask("forget", self._files.name).result(_END)
        if self._end is not None:
            self._end()
        with suppress(Exception):
            self._client.close()

    def _answer(self, engine: Engine, asked: Any) -> Any:
        from ipyparallel.error import RemoteError

        try:
            return asked.result(_ANSWER)
        except RemoteError as error:
            name = f"engine {engine.number}{engine.host and f' on {engine.host}'}"
            if error.ename == "ModuleNotFoundError":
                text = f"{self._option}: expected nbkeras in the Python of {name}, received {error.evalue}"
                raise Refusal(f"{text}: type  pip install 'nbkeras[cpu,cluster]'  there") from None
            raise Refusal(f"{self._option}: {name}: {error.ename}: {error.evalue}") from None
        except Exception as error:  # noqa: BLE001 - ipyparallel's own
            text = f"{self._option}: expected engine {engine.number} to answer within {_ANSWER:g} s, received"
            raise Refusal(f"{text} {type(error).__name__}: it is busy or gone, start it anew") from None

    def _refuse_other_versions(self, engine: Engine, told: Mapping[str, Any]) -> None:
        for name, here in versions().items():
            there = told["versions"][name]
            if here and here != there:
                text = f"{self._option}: expected {name} {here} on {engine.host}, as here, received"
                raise Refusal(f"{text} {there or 'none'}: type  pip install {name}=={here}  there")
