"""The engines of an ipyparallel profile: those that run, or new ones."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbkeras.cluster.hosts.engines import Engines, controller_of, ipyparallel
from nbkeras.cluster.hosts.launched import launched
from nbkeras.runtime.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Seconds that a controller may take to be reached, and to answer.
_REACH, _CONNECT = 5.0, 30


def refuse_other_profiles(profile: str) -> None:
    """Refuse a profile that there is not.

    Raises:
        Refusal: without ipyparallel or such a profile.
    """
    option = f"--profile {profile}"
    ipyparallel(option)
    _folder(profile, option)


def engines_of_profile(profile: str, workers: int | None = None) -> Engines:
    """Return the engines of a profile; where none run, they are started, as ``ipcluster start`` does.

    Args:
        profile: the name.
        workers: how many engines to take. Default None: all that run, or as many as the profile says, or 2.

    Raises:
        Refusal: without ipyparallel, such a profile, or so many engines.
    """
    option = f"--profile {profile}"
    ipp = ipyparallel(option)
    folder = _folder(profile, option)
    for path in _connection_files(folder):
        connection = json.loads(path.read_text())
        if not _listens(connection):
            # A controller that was killed leaves its file.
            continue
        try:
            client = ipp.Client(connection, timeout=_CONNECT)
        except Exception as error:  # noqa: BLE001 - ipyparallel's own, of many kinds
            text = f"{option}: expected its controller to answer, received {type(error).__name__}"
            raise Refusal(f"{text}: type  !ipcluster stop --profile={profile}") from None
        if client.ids:
            return _taken(client, workers, option, connection)
        client.close()
    made = ipp.Cluster(profile_dir=str(folder), **({} if workers is None else {"n": workers}))
    return launched(made, made.n or 2, option)


def _folder(profile: str, option: str) -> Path:
    from IPython.core.profileapp import list_profiles_in
    from IPython.paths import get_ipython_dir

    there = Path(get_ipython_dir())
    folder = there / f"profile_{profile}"
    if not folder.is_dir():
        names = ", ".join(list_profiles_in(str(there))) or "none"
        text = f"{option}: expected one of IPython's profiles in {there} ({names}), received {profile!r}"
        raise Refusal(f"{text}: type  !ipython profile create {profile} --parallel")
    return folder


def _connection_files(folder: Path) -> Iterator[Path]:
    """Give the files by which clients connect, that of the last controller first."""
    files = (folder / "security").glob("ipcontroller*-client.json")
    yield from sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)


def _listens(connection: Mapping[str, Any]) -> bool:
    """Tell whether a controller is there that a file tells of."""
    try:
        with socket.create_connection(
            (controller_of(connection), connection["registration"]), timeout=_REACH
        ):
            return True
    except OSError:
        # One behind ssh cannot be tried so.
        return bool(connection.get("ssh"))


def _taken(client: Any, workers: int | None, option: str, connection: Any) -> Engines:
    numbers = sorted(client.ids)
    if workers is not None and workers > len(numbers):
        client.close()
        text = f"--workers: expected {len(numbers)} or fewer, because so many engines run, received {workers}"
        raise Refusal(f"{text}: type  --workers {len(numbers)}")
    return Engines(client, numbers[:workers], option, connection=connection)
